// The Firebase Auth emulator by itself: without the hub, logging and UI servers that `firebase emulators:start` adds, and
// several seconds sooner. An internal entry point of firebase-tools: package.json pins the exact version.
const { createApp } = require("firebase-tools/lib/emulator/auth/server");
const { SingleProjectMode } = require("firebase-tools/lib/emulator/auth");

const [project, port] = process.argv.slice(2);
createApp(project, SingleProjectMode?.NO_WARNING).then((app) => {
  const server = app.listen(Number(port), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${port}`));
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
  server.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
});
