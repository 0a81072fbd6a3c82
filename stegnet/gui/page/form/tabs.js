/** Tabs, by pointer and arrow keys (WAI-ARIA's pattern). */

const tabs = () => [...document.querySelectorAll('[role="tab"]')];

/** Shows one tab's panel. */
export function show(name) {
  for (const tab of tabs()) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
}

export function setUpTabs() {
  for (const [index, tab] of tabs().entries()) {
    tab.onclick = () => show(tab.id.slice("tab-".length));
    tab.onkeydown = ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = tabs().at((index + step) % tabs().length);
      next.click();
      next.focus();
    };
  }
}
