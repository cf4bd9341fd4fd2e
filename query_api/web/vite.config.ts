import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Where `npm run dev` finds a running server, e.g. SPANLOOM_DEV_SERVER=http://127.0.0.1:4319.
const server = process.env.SPANLOOM_DEV_SERVER ?? "http://127.0.0.1:4319";

export default defineConfig({
  plugins: [react()],
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
