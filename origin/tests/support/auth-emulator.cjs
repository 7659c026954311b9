// The Firebase Auth emulator on a free port, for as long as standard input stays open: it ends with the test that started it,
// however that test ends.
const { create } = require("../../../xtask/assets/auth-emulator-app.cjs");

create(process.argv[2]).then((app) => {
  const server = app.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
});
process.stdin.on("end", () => process.exit(0)).resume();
