#!/usr/bin/env node
import express from "express";

const app = express();
app.get("/", (_request, response) => response.json({ message: "hello" }));

// Asks itself for its first page, and says what it runs on.
const server = app.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  const answer = await (await fetch(`http://127.0.0.1:${port}/`)).json();
  const { version, argv, execPath } = globalThis.process;
  console.log(JSON.stringify({ ...answer, version, argv, execPath }));
  server.close();
});
