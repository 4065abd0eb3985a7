// The text of charts follows the theme: light on dark, dark on light, both with contrast AA.
(function () {
  function colour() {
    return document.documentElement.classList.contains("dark") ? "#d1d5db" : "#4b5563";
  }

  function apply() {
    Chart.defaults.color = colour();
    Object.values(Chart.instances).forEach(function (chart) {
      chart.update("none");
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    apply();
    new MutationObserver(apply).observe(document.documentElement, { attributeFilter: ["class"] });
  });
})();
