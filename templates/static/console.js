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

// Buttons with data-ss-fragment send their form and show the answer on the page; without scripts it opens by itself.
(function () {
  async function fill(button, place) {
    var form = button.form;
    button.disabled = true;
    place.textContent = "Trying… this takes a few seconds.";
    try {
      var answer = await fetch(button.formAction, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Fragment": "1" },
      });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      place.innerHTML = await answer.text();
    } catch (error) {
      place.textContent = "The test could not be run (" + error.message + "). Reload the page and try again.";
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-ss-fragment]");
    if (!button) return;
    event.preventDefault();
    fill(button, document.getElementById(button.dataset.ssFragment));
  });
})();
