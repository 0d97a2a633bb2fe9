// Builds dist/page.html: one file, with everything in it but the graph.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const BUNDLED = ["events", "graphology", "graphology-utils", "sigma"];

async function bundled(entry) {
  const { outputFiles } = await build({
    entryPoints: [join(here, entry)],
    bundle: true, minify: true, write: false, format: "iife", target: "es2022", charset: "ascii", legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputFiles[0].text.trim();
}

async function licences() {
  const texts = await Promise.all(BUNDLED.map(async (name) => {
    const { version, license } = JSON.parse(await readFile(join(here, "node_modules", name, "package.json"), "utf8"));
    const text = await licenceText(name);
    return `${name} ${version} (${license})\n${text}`;
  }));
  return `Made with:\n\n${texts.join("\n\n")}`.replaceAll("--", "- -");
}

async function licenceText(name) {
  for (const file of ["LICENSE.txt", "LICENSE"]) {
    try {
      return (await readFile(join(here, "node_modules", name, file), "utf8")).trim();
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  throw new Error(`${name} has no licence file`);
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const script = await bundled("src/main.js");
const style = await bundled("src/page.css");
const policy = `default-src 'none'; script-src ${hash(script)}; style-src ${hash(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
const parts = { policy, licences: await licences(), style, script };
const page = (await readFile(join(here, "src/page.html"), "utf8")).replace(/\{\{(\w+)\}\}/g, (place, name) => parts[name] ?? place);

await mkdir(join(here, "dist"), { recursive: true });
await writeFile(join(here, "dist/page.html"), page);
