// The Firebase Auth emulator by itself: without the hub, logging and UI servers that `firebase emulators:start` adds, and
// several seconds sooner. An internal entry point of firebase-tools: package.json pins the exact version.
const { createApp } = require("firebase-tools/lib/emulator/auth/server");
const { SingleProjectMode } = require("firebase-tools/lib/emulator/auth");

// It makes a validator for each parameter of each endpoint, and every time checks Google's own description of that parameter against
// JSON Schema, which takes ten seconds of each start. Requests are validated as ever.
const exegesis = require.resolve("exegesis", { paths: [require.resolve("firebase-tools")] });
const { default: Ajv } = require(require.resolve("ajv", { paths: [exegesis] }));
Ajv.prototype.validateSchema = () => true;

/** The emulator's Express application for `project`. */
exports.create = (project) => createApp(project, SingleProjectMode?.NO_WARNING);
