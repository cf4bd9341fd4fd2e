/** Starts the page. */

import "./styles/tokens.css";
import "./styles/base.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Problem } from "./api/client";
import { makeRouter } from "./router";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal stays one; a server that restarts may be back in a second.
      retry: (failures, error) => failures < 1 && !(error instanceof Problem && isRefusal(error)),
      refetchOnWindowFocus: false,
      // The server is often this very machine, which answers without any network too.
      networkMode: "always",
    },
  },
});

function isRefusal(problem: Problem): boolean {
  return problem.status >= 400 && problem.status < 500;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <RouterProvider router={makeRouter()} />
    </QueryClientProvider>
  </StrictMode>,
);
