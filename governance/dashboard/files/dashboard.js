// What pages do beyond links and forms: times in the reader's zone, Airflow's theme, lists that
// change without a reload, a cell of the heat map beside it. Without this script all of it works,
// by whole pages.
(() => {
  "use strict";
  const framed = window.parent !== window;

  // Airflow keeps its choice where this page, of the same origin, can read it.
  const theme = () => {
    let chosen = null;
    try {
      chosen = framed ? window.localStorage.getItem("theme") : null;
    } catch { /* storage is closed to us: the system's choice counts */ }
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
  };
  theme();
  if (framed) document.documentElement.dataset.framed = "";
  window.addEventListener("storage", theme);

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const shown = new Intl.DateTimeFormat("sv-SE", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    timeZone: zone,
  });
  // "2026-11-21 12:00 UTC" within a sentence.
  const here = (text) => text.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/g, (all, day, hour) => {
    const moment = new Date(`${day}T${hour}Z`);
    return Number.isNaN(moment.getTime()) ? all : shown.format(moment);
  });
  const times = (root) => {
    for (const one of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(one.dateTime);
      if (Number.isNaN(moment.getTime()) || one.dataset.shown) continue;
      one.dataset.shown = "1";
      one.title = one.textContent;
      one.textContent = shown.format(moment);
    }
    // In pictures: days along an axis, with the hour where a day would say nothing.
    for (const picture of root.querySelectorAll("svg")) {
      const labels = [...picture.querySelectorAll("text[data-time]")];
      const moments = labels.map((one) => new Date(one.dataset.time));
      const brief = moments.length > 1 && Math.abs(moments.at(-1) - moments[0]) < 2 * 86400e3;
      labels.forEach((one, at) => { one.textContent = shown.format(moments[at]).slice(0, brief ? 16 : 10); });
      for (const told of [picture, ...picture.querySelectorAll("title")]) {
        if (told.localName === "title") told.textContent = here(told.textContent);
        else told.setAttribute("aria-label", here(told.getAttribute("aria-label") ?? ""));
      }
    }
    const said = document.getElementById("zone");
    if (said) said.textContent = zone;
  };

  // The newest days of a heat map are what one wants to see first.
  const heat = (root) => {
    for (const one of root.querySelectorAll(".scroll.heat")) {
      one.scrollLeft = one.scrollWidth;
      // Thousands of cells are one stop of the tab key; arrows move within.
      const cells = one.querySelectorAll("a");
      for (const cell of cells) cell.tabIndex = -1;
      (one.querySelector("a.s") ?? one.querySelector("a.m") ?? cells[0])?.setAttribute("tabindex", "0");
    }
  };
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const from = event.target.closest?.("table.heat a")?.closest("td");
    if (!step || !from || event.altKey || event.ctrlKey || event.metaKey) return;
    let row = from.parentElement, at = from.cellIndex, next = null;
    do {
      if (step[0]) row = row.parentElement.rows[row.sectionRowIndex + step[0]];
      at += step[1];
      const cell = row?.cells[at];
      if (!cell) break;
      next = cell.querySelector("a");
    } while (!next);
    event.preventDefault();
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  const dress = (root) => { times(root); heat(root); };

  const say = (text, address) => {
    const main = document.getElementById("main");
    document.getElementById("notice")?.remove();
    const notice = Object.assign(document.createElement("p"), { id: "notice", className: "said bad" });
    notice.setAttribute("role", "alert");
    notice.append(`${text} `);
    if (address) {
      notice.append(Object.assign(document.createElement("a"), { href: address, textContent: "Log in", target: "_blank" }));
    }
    main.prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  };

  // A jump within the page (#main) is no other page.
  const place = () => window.location.pathname + window.location.search;
  let shownPlace = place();

  const swap = (text, address) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const now = document.getElementById("main");
    const focused = document.activeElement?.id;
    now.replaceWith(document.adoptNode(page.getElementById("main")));
    document.title = page.title;
    if (address !== window.location.href) window.history.pushState({ swapped: true }, "", address);
    shownPlace = place();
    dress(document);
    (focused && document.getElementById(focused) || document.getElementById("main")).focus({ preventScroll: true });
  };

  const load = async (address, options = {}) => {
    document.documentElement.dataset.busy = "";
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin", ...options });
      const text = await answer.text();
      // What was typed stays on the page: one logs in beside it and sends again.
      if (answer.status === 401) say("Your session has ended; nothing was sent. Log in in another tab, then try again here.", text.includes('id="token"') ? `${document.querySelector("a.home").href}/login` : null);
      else if (options.method === "POST" && !answer.ok) say(new DOMParser().parseFromString(text, "text/html").querySelector(".said")?.textContent ?? "That was refused.");
      else swap(text, answer.url);
    } catch {
      say("The server does not answer; nothing was sent. Try again in a moment.");
    } finally {
      delete document.documentElement.dataset.busy;
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-live]")) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form));
    if (form.method === "post") load(form.action, { method: "POST", body: fields });
    else load(`${form.action}?${fields}`);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("form.filter select")) event.target.form.requestSubmit();
  });

  let marked = null;
  const cell = async (link) => {
    const detail = document.getElementById("detail");
    const answer = await fetch(link.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("detail") ?? page.querySelector(".refusal") ?? page.querySelector(".card");
    if (!found) { window.location.assign(link.href); return; }
    marked?.removeAttribute("aria-current");
    marked = link;
    link.setAttribute("aria-current", "true");
    detail.replaceChildren(document.adoptNode(found));
    found.removeAttribute("id");
    dress(detail);
    detail.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target.closest?.("a");
    if (!link) return;
    if (link.closest("table.heat")) {
      event.preventDefault();
      cell(link).catch(() => window.location.assign(link.href));
    } else if (link.closest(".choose, .pages") || link.closest("th[aria-sort], .list thead")) {
      event.preventDefault();
      load(link.href);
    } else if (framed && link.hasAttribute("data-airflow")) {
      // Inside Airflow its form belongs in its own window, not in this frame.
      try {
        const outer = window.parent.document.createElement("a");
        outer.href = link.href;
        window.parent.document.body.append(outer);
        outer.click();
        outer.remove();
        event.preventDefault();
      } catch { /* another origin: the link opens here */ }
    }
  });

  window.addEventListener("popstate", () => { if (place() !== shownPlace) window.location.reload(); });
  document.addEventListener("DOMContentLoaded", () => dress(document));
})();
