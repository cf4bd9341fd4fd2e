/** Pages and their URLs. Ids stand in the path, what is being looked at in the query string. */

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Link,
  redirect,
} from "@tanstack/react-router";

import { EmptyState, ProblemNotice } from "./components/notices";
import { Shell } from "./components/Shell";
import styles from "./components/Shell.module.css";
import { keepKeys, parseSearch, stringifySearch } from "./search";

const root = createRootRoute({ component: Shell });

const projects = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/projects/ProjectsPage"), "ProjectsPage"),
});

const project = createRoute({
  getParentRoute: () => root,
  path: "/p/$project",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/p/$project/traces", params, replace: true });
  },
});

const traces = createRoute({
  getParentRoute: () => root,
  path: "/p/$project/traces",
  validateSearch: keepKeys("where", "sort"),
  component: lazyRouteComponent(() => import("./pages/traces/TracesPage"), "TracesPage"),
});

const trace = createRoute({
  getParentRoute: () => root,
  path: "/p/$project/traces/$trace",
  validateSearch: keepKeys("span", "q", "pane"),
  component: lazyRouteComponent(() => import("./pages/trace/TracePage"), "TracePage"),
});

const evaluations = createRoute({
  getParentRoute: () => root,
  path: "/p/$project/evaluations",
  component: lazyRouteComponent(
    () => import("./pages/evaluations/EvaluationsPage"),
    "EvaluationsPage",
  ),
});

const evaluation = createRoute({
  getParentRoute: () => root,
  path: "/p/$project/evaluations/$evaluation",
  validateSearch: keepKeys("row"),
  component: lazyRouteComponent(
    () => import("./pages/evaluation/EvaluationPage"),
    "EvaluationPage",
  ),
});

export function makeRouter() {
  return createRouter({
    routeTree: root.addChildren([projects, project, traces, trace, evaluations, evaluation]),
    parseSearch,
    stringifySearch,
    rewrite: { input: ({ url }) => joinProject(url) },
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: ({ error, reset }) => (
      <div className={styles.crash}>
        <ProblemNotice error={error as Error} what="The page" onRetry={reset} />
      </div>
    ),
  });
}

/** Some proxies decode the %2F of a project named `entity/name`; put it back. */
export function joinProject(url: URL): URL {
  url.pathname = url.pathname.replace(
    /^\/p\/([^/]+)\/([^/]+)\/(traces|evaluations)(?=\/|$)/,
    "/p/$1%2F$2/$3",
  );
  return url;
}

function NotFound() {
  return (
    <EmptyState title="There is no such page">
      <p>
        The address leads nowhere. <Link to="/">See all projects</Link>.
      </p>
    </EmptyState>
  );
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
