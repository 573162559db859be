export declare function parse(tomlString: string): Record<string, unknown>;
