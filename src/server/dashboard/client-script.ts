/**
 * The page's script as one text. Runs as a macro while hoist is bundled: the page is inside the binary, and its
 * TypeScript is checked with the rest.
 */
export function clientScript(): string {
  const entry = `${import.meta.dir}/client/main.ts`;
  const built = Bun.spawnSync([process.execPath, "build", entry, "--target=browser", "--format=iife", "--minify"]);
  if (!built.success) throw new Error(`the dashboard's script cannot be built: ${built.stderr.toString()}`);
  return built.stdout.toString().trim();
}
