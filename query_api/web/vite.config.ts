import { readFileSync } from "node:fs";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// Where `npm run dev` finds a running server, e.g. SPANLOOM_DEV_SERVER=http://127.0.0.1:4319.
const server = process.env.SPANLOOM_DEV_SERVER ?? "http://127.0.0.1:4319";

const SWAGGER_UI_FILES = [
  "swagger-ui-bundle.js",
  "swagger-ui.css",
  "swagger-ui-bundle.js.LICENSE.txt",
  "LICENSE",
  "NOTICE",
];

export default defineConfig({
  plugins: [react(), swaggerUi()],
  build: {
    outDir: "../spanloom_query/static",
    emptyOutDir: true,
    target: "es2023",
    // The first versions that know light-dark(), which tokens.css is built on.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The package redistributes the libraries in the bundle, so their licences go with it.
    license: { fileName: "third-party-licences.md" },
  },
  server: { proxy: { "/api": server } },
});

/** Puts Swagger UI, with its licence, into docs/ as it is: /api/docs must work without internet. */
function swaggerUi(): Plugin {
  return {
    name: "swagger-ui",
    generateBundle() {
      for (const name of SWAGGER_UI_FILES) {
        const source = readFileSync(new URL(`node_modules/swagger-ui-dist/${name}`, import.meta.url));
        this.emitFile({ type: "asset", fileName: `docs/${name}`, source });
      }
    },
  };
}
