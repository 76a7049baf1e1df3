import { readFileSync } from "node:fs";

/*
 * Macros: they run while hoist is bundled, so that the page is inside the binary. The script is TypeScript, checked
 * with the rest and sharing its types.
 */

export function pageScript(): string {
  const entry = `${import.meta.dir}/client/main.ts`;
  const built = Bun.spawnSync([process.execPath, "build", entry, "--target=browser", "--format=iife", "--minify"]);
  if (!built.success) throw new Error(`the dashboard's script cannot be built: ${built.stderr.toString()}`);
  return built.stdout.toString().trim();
}

export function pageStyle(): string {
  return readFileSync(`${import.meta.dir}/page.css`, "utf8");
}

export function pageMarkup(): string {
  return readFileSync(`${import.meta.dir}/page.html`, "utf8");
}
