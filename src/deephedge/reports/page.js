// Draws every figure of the page in the colours of the style sheet, again when the theme or the medium changes.
(function () {
  "use strict";
  var charts = Array.prototype.slice.call(document.querySelectorAll("[data-chart]"));
  var hidden = {};
  var paper = false;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // a colour scale is five colours of the style sheet: --sequential-0 to --sequential-4
  function scale(name) {
    return [0, 1, 2, 3, 4].map(function (n) { return [n / 4, colour(name + "-" + n)]; });
  }

  function painted(value) {
    if (typeof value === "string" && value.slice(0, 2) === "--") {
      return value === "--sequential" || value === "--diverging" ? scale(value) : colour(value);
    }
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(painted);
    if (value && typeof value === "object") {
      return Object.keys(value).reduce(function (made, key) { made[key] = painted(value[key]); return made; }, {});
    }
    return value;
  }

  function draw(place) {
    var figure = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    var off = hidden[place.dataset.chart] || {};
    figure.data.forEach(function (trace) {
      if (trace.meta in off) trace.visible = !off[trace.meta];
    });
    var made = painted(figure);
    if (paper) made.layout.width = place.closest(".maps") ? 320 : 1000; // A4 landscape within its margins
    Plotly.react(place, made.data, made.layout, { displayModeBar: false, responsive: true });
  }

  function drawAll() { charts.forEach(draw); }

  document.querySelectorAll(".legend button").forEach(function (button) {
    button.addEventListener("click", function () {
      var shown = button.getAttribute("aria-pressed") === "true";
      var chart = button.parentNode.dataset.legend;
      hidden[chart] = hidden[chart] || {};
      hidden[chart][button.dataset.policy] = shown;
      button.setAttribute("aria-pressed", String(!shown));
      charts.filter(function (place) { return place.dataset.chart === chart; }).forEach(draw);
    });
  });

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
    paper = true;
    drawAll();
  });
  window.addEventListener("afterprint", function () { paper = false; drawAll(); });
  ["(prefers-color-scheme: dark)", "print"].forEach(function (query) {
    window.matchMedia(query).addEventListener("change", drawAll);
  });
  drawAll();
})();
