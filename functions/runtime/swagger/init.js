// Shows /openapi.json. An access token that a login or a refresh on this page answers with is put to use at once.
const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  responseInterceptor: (response) => {
    if (response.ok && /\/v1\/auth\/(login|refresh)$/.test(response.url) && response.body?.access_token) {
      ui.preauthorizeApiKey("bearer", response.body.access_token);
    }
    return response;
  },
});
