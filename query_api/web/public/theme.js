// Runs before the first paint so that a chosen theme never flashes; a file of its own because the
// content security policy allows no inline script. Without a choice the system's theme applies.
(() => {
  try {
    const theme = localStorage.getItem("spanloom.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's theme is good enough then.
  }
})();
