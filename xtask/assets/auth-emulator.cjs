// The Firebase Auth emulator on a given port, until a signal ends it.
const { create } = require("./auth-emulator-app.cjs");

const [project, port] = process.argv.slice(2);
create(project).then((app) => {
  const server = app.listen(Number(port), "127.0.0.1", () => console.log(`listening on 127.0.0.1:${port}`));
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
  server.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
});
