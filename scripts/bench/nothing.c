/* The smallest program that can be packed: what is left is the cost of starting it. */
int main(void) { return 0; }
