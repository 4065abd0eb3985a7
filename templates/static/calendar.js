// The form of an appointment shows what belongs to the choices made; without scripts everything is there.
(function () {
  function apply(form) {
    var fields = form.elements, whole = fields.all_day.checked;
    var repeats = fields.repeats ? fields.repeats.value : "", ends = fields.ends ? fields.ends.value : "";
    form.querySelectorAll("[data-ss-clock]").forEach(function (one) { one.hidden = whole; });
    form.querySelectorAll("[data-ss-when]").forEach(function (one) {
      one.hidden = !one.dataset.ssWhen.split(" ").includes(repeats);
    });
    form.querySelectorAll("[data-ss-ends]").forEach(function (one) {
      one.hidden = !repeats || one.dataset.ssEnds !== ends;
    });
  }

  // An end that has become earlier than the start follows it.
  function follow(form, event) {
    var start = form.elements.start_day, end = form.elements.end_day;
    if (event.target === start && start.value && end.value < start.value) end.value = start.value;
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-ss-appointment]").forEach(function (form) {
      apply(form);
      form.addEventListener("change", function (event) {
        follow(form, event);
        apply(form);
      });
    });
  });
})();
