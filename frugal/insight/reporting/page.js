"use strict";
(() => {
  const problems = [];
  const items = JSON.parse(document.getElementById("charts").textContent);
  const drawn = Object.entries(items).map(([id, item]) =>
    Bokeh.embed.embed_item(item, id).catch((error) => {
      problems.push(`${id}: ${error}`);
      document.getElementById(id).textContent = "This chart cannot be drawn here; the table below has its figures.";
    }),
  );
  Promise.all(drawn).then(() => {
    document.documentElement.dataset.charts = problems.length ? `failed: ${problems.join("; ")}` : "drawn";
  });
  // Paper shows what a screen folds away, and has its own width: charts that are drawn wider are made to fit, together
  // with the text that is laid over them.
  const paper = 680;
  let opened = [];
  addEventListener("beforeprint", () => {
    for (const chart of document.querySelectorAll(".chart")) {
      const width = chart.firstElementChild ? chart.firstElementChild.offsetWidth : 0;
      const whole = chart.closest(".bars") || chart;
      whole.style.setProperty("--fit", width > paper ? paper / width : 1);
      whole.style.setProperty("--drawn", `${width}px`);
    }
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
  });
})();
