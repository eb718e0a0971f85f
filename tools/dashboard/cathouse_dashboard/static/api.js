// Swagger UI for the chosen service. Calls pass through the dashboard, and each leads to its trace.
"use strict";

const place = document.getElementById("swagger-ui");
const link = document.getElementById("last-trace");
SwaggerUIBundle({
  domNode: place,
  url: place.dataset.url,
  tryItOutEnabled: true,
  persistAuthorization: true,
  deepLinking: true,
  requestInterceptor: (request) => {
    request.headers["X-Cathouse-Token"] = place.dataset.token;
    return request;
  },
  responseInterceptor: (response) => {
    const id = response.headers && response.headers["x-request-id"];
    if (id) {
      link.hidden = false;
      link.href = `/traces?request=${encodeURIComponent(id)}`;
      link.textContent = `Trace of the last call (status ${response.status})`;
    }
    return response;
  },
});
