// What htmx leaves to the page. No part of a page depends on it being here but the live updates.
"use strict";

// What somebody has opened stays open when the page reads itself again.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
  !(name === "open" && node instanceof HTMLDetailsElement);

// An address names only the filters that are set, so that it stays short enough to send.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get" || !(detail.elt instanceof HTMLFormElement)) return;
  for (const [name, value] of Object.entries(Object.fromEntries(detail.formData.entries()))) {
    if (value === "") detail.formData.delete(name);
  }
});

// Whether the page is live, for those who see and for those who hear.
const say = (text) => {
  const place = document.getElementById("connection");
  if (place && place.textContent !== text) place.textContent = text;
};
document.addEventListener("htmx:sseOpen", () => say(""));
document.addEventListener("htmx:sseError", () => say("The dashboard does not answer. This page goes on when it does."));

// A page that was sent away by the browser's history is read anew: its updates are not running.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
