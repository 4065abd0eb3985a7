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

// The search boxes that select2 makes of selects carry no name for screen readers: they get that of their label.
(function () {
  function name(container) {
    var select = container.previousElementSibling;
    while (select && select.tagName !== "SELECT") select = select.previousElementSibling;
    if (!select) return;
    var label = (select.labels && select.labels[0]) || select.parentElement.parentElement.querySelector("label");
    var words = (label ? label.textContent : select.name).trim();
    container.querySelectorAll("[role=combobox], [role=textbox]").forEach(function (one) {
      one.setAttribute("aria-label", words);
    });
    // The box itself: the label, then what is chosen.
    var box = container.querySelector("[role=combobox]");
    if (box && label) {
      label.id = label.id || "label-of-" + (select.id || select.name);
      box.setAttribute("aria-labelledby", label.id + " " + (box.getAttribute("aria-labelledby") || ""));
    }
  }

  function apply() {
    document.querySelectorAll(".select2-container:not([data-ss-named])").forEach(function (container) {
      container.dataset.ssNamed = "";
      name(container);
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    apply();
    new MutationObserver(apply).observe(document.body, { childList: true, subtree: true });
  });
})();

// Icons are ligatures, "group" for a picture of people: beside words a screen reader passes them over.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll(".material-symbols-outlined:not([aria-hidden])").forEach(function (icon) {
    var holder = icon.closest("a, button");
    var words = holder && holder.textContent.replace(icon.textContent, "").trim();
    if (!holder || words || holder.title || holder.hasAttribute("aria-label")) icon.setAttribute("aria-hidden", "true");
  });
});

// The theme marks no main part; screen readers jump to it.
document.addEventListener("DOMContentLoaded", function () {
  var content = document.getElementById("content");
  if (content && content.tagName !== "MAIN") content.setAttribute("role", "main");
});

// A box with data-ss-all ticks all boxes of that name in its form; without scripts it is not there.
document.addEventListener("DOMContentLoaded", function () {
  document.querySelectorAll("[data-ss-all]").forEach(function (all) {
    all.parentElement.hidden = false;
    all.addEventListener("change", function () {
      all.form.querySelectorAll("[name=" + all.dataset.ssAll + "]").forEach(function (one) {
        one.checked = all.checked;
      });
    });
  });
});
