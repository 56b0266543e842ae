"use strict";
// Comfort only: everything on the page can be read without this.
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);
  const runs = all("details.run");

  // Filter: every word must occur in a run's name, title, requirements, cast or reasons.
  const form = document.querySelector(".filter");
  const search = byId("search");
  const boxes = all("input[type=checkbox]", form);
  const texts = new Map(runs.map((run) => [run, all(
    ".name, .title, .facts dd, .reason, .principal, .player, .inline-finding", run,
  ).map((node) => node.textContent).join(" ").toLowerCase()]));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const run of runs) {
      const text = texts.get(run);
      run.hidden = !verdicts.has(run.dataset.verdict) || !words.every((word) => text.includes(word));
      shown += run.hidden ? 0 : 1;
    }
    byId("matching").textContent = shown === runs.length ? "" : `${shown} of ${runs.length}`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, dialog")) {
      event.preventDefault();
      search.focus();
    }
  });
  const toggle = byId("all");
  toggle.addEventListener("click", () => {
    const open = toggle.textContent === "open all";
    for (const run of runs) {
      if (!run.hidden) run.open = open;
    }
    toggle.textContent = open ? "close all" : "open all";
  });

  // A link to something in a closed or filtered run opens and shows it.
  const reveal = () => {
    let id = location.hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* taken as it is */ }
    const target = id && byId(id);
    if (!target) return;
    for (let node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") {
        node.open = true;
        node.hidden = false;
      }
    }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  // A cell opens its proof where the reader is.
  const dialog = byId("dialog");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.proof");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const inner = byId(link.getAttribute("href").slice(1));
    const claim = inner && inner.parentElement.querySelector(".claim");
    if (!claim || typeof dialog.showModal !== "function") return;
    event.preventDefault();
    byId("dialog-title").replaceChildren(...claim.cloneNode(true).childNodes);
    const copy = inner.cloneNode(true);
    copy.removeAttribute("id");
    byId("dialog-body").replaceChildren(copy);
    byId("dialog-link").href = link.getAttribute("href");
    dialog.showModal();
  });
  byId("dialog-close").addEventListener("click", () => dialog.close());
  byId("dialog-link").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });

  // Commands can be copied.
  for (const button of all("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
        setTimeout(() => { button.textContent = "copy"; }, 1500);
      } catch {
        getSelection().selectAllChildren(code);
      }
    });
  }
})();
