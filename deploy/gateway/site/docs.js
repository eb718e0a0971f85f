// Shows the description of one service. The fragment of the address names the service: /docs#auth.
const links = [...document.querySelectorAll("nav a[href^='#']")];

function show() {
  const named = links.find((link) => link.hash === location.hash.split("/")[0]) ?? links[0];
  for (const link of links) {
    if (link === named) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
  SwaggerUIBundle({
    url: `/docs/${named.hash.slice(1)}.json`,
    dom_id: "#description",
    persistAuthorization: true,
    tryItOutEnabled: true,
  });
}

addEventListener("hashchange", show);
show();
