import { VERSION } from "./version.ts";

const START_MS = 250;
const argv = process.argv.slice(2);

// Scripts ask for the version often, and the answer needs nothing of the program.
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`hoist ${VERSION}\n`);
} else {
  // The binary begins with a JIT that is slow to compile; what runs longer than a start does is worth it.
  setTimeout(() => Bun.unsafe.setJITPolicy(1), START_MS).unref();
  const { runProcess } = await import("./cli/run-process.ts");
  process.exitCode = await runProcess(argv);
}
