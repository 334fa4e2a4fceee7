import { defineConfig } from "vite";

// Three files with names that stay: the edge lists them, and they are asked for anew each time (ETag), so nobody keeps an old one.
export default defineConfig({
  base: "/console/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/v1": { target: "http://localhost:8080", ws: true, changeOrigin: true } } },
  build: {
    target: "es2022",
    outDir: "../deploy/nginx/console",
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: false,
        entryFileNames: "console.js",
        assetFileNames: "console.[ext]",
      },
    },
  },
});
