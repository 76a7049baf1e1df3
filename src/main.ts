import { VERSION } from "./version.ts";

const argv = process.argv.slice(2);

// Scripts ask for the version often, and the answer needs nothing of the program.
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`hoist ${VERSION}\n`);
} else {
  const { runProcess } = await import("./cli/run-process.ts");
  process.exitCode = await runProcess(argv);
}
