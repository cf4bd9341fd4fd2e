/** The frame around every page: where one is, what else there is, theme, token prompt. */

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useMatches, useParams } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";

import { serverQuery } from "../api/queries";
import { useTokenAsked } from "../api/token";
import { type Theme, useTheme } from "../theme";
import { Logo, MoonIcon, ScreenIcon, SunIcon } from "./icons";
import styles from "./Shell.module.css";
import { TokenPrompt } from "./TokenPrompt";

export function Shell() {
  const { project } = useParams({ strict: false });
  const tokenAsked = useTokenAsked();
  useStaleBundleReload();
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to the content
      </a>
      <header className={styles.bar}>
        <Link to="/" className={styles.home}>
          <Logo />
          Spanloom
        </Link>
        {project && <ProjectNavigation project={project} />}
        <div className={styles.right}>
          <Version />
          <ThemeSwitch />
        </div>
      </header>
      <main id="main" tabIndex={-1} className={styles.main}>
        {tokenAsked ? <TokenPrompt /> : <Outlet />}
      </main>
    </div>
  );
}

function ProjectNavigation({ project }: { project: string }) {
  const section = useMatches({
    select: (matches) => matches.at(-1)?.fullPath.split("/")[3] ?? "",
  });
  const current = (name: string) => (section === name ? "page" : undefined);
  return (
    <>
      <span className={styles.project} title={project}>
        <span>{project}</span>
      </span>
      <nav className={styles.tabs} aria-label="Project">
        <Link to="/p/$project/traces" params={{ project }} aria-current={current("traces")}>
          Traces
        </Link>
        <Link
          to="/p/$project/evaluations"
          params={{ project }}
          aria-current={current("evaluations")}
        >
          Evaluations
        </Link>
      </nav>
    </>
  );
}

function Version() {
  const { data } = useQuery(serverQuery);
  return data ? <span className={styles.version}>v{data.version}</span> : null;
}

const THEMES: { theme: Theme; label: string; icon: ReactNode }[] = [
  { theme: "light", label: "Light theme", icon: <SunIcon /> },
  { theme: "system", label: "The system's theme", icon: <ScreenIcon /> },
  { theme: "dark", label: "Dark theme", icon: <MoonIcon /> },
];

function ThemeSwitch() {
  const [chosen, choose] = useTheme();
  return (
    <div role="group" aria-label="Theme" className={styles.theme}>
      {THEMES.map(({ theme, label, icon }) => (
        <button
          key={theme}
          type="button"
          aria-label={label}
          title={label}
          aria-pressed={theme === chosen}
          onClick={() => choose(theme)}
        >
          {icon}
        </button>
      ))}
    </div>
  );
}

/** A page of an older bundle asks for code that an upgraded server no longer has. */
function useStaleBundleReload() {
  useEffect(() => {
    const reload = () => window.location.reload();
    window.addEventListener("vite:preloadError", reload);
    return () => window.removeEventListener("vite:preloadError", reload);
  }, []);
}

/** The browser's title: the page's own name first. */
export function useTitle(...parts: (string | undefined)[]): void {
  const title = [...parts.filter(Boolean), "Spanloom"].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
}
