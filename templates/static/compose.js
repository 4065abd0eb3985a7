// Fields with data-ss-suggest offer names while somebody types (a combobox with a list, as the ARIA practices describe it).
// Without scripts the field takes the same names and addresses, and the server looks names up.
(function () {
  var number = 0;

  function start(field) {
    var list = document.createElement("ul"), told = document.createElement("p"), many = "ssMany" in field.dataset;
    var key = field.dataset.ssKey && document.getElementById(field.dataset.ssKey);
    var entries = [], chosen = -1, asked = 0, timer;
    list.id = "ss-suggestions-" + ++number;
    list.className = "ss-suggestions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    told.className = "ss-hidden";
    told.setAttribute("role", "status");
    field.after(list, told);
    var attributes = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
    Object.entries(attributes).forEach(function (one) { field.setAttribute(one[0], one[1]); });

    // Of several recipients the one at the cursor; commas in quotation marks separate nothing.
    function bounds() {
      var text = field.value, at = field.selectionStart, from = 0, quoted = false;
      for (var i = 0; i < text.length; i++) {
        if (text[i] === '"') quoted = !quoted;
        if (quoted || (text[i] !== "," && text[i] !== ";")) continue;
        if (i >= at) return [from, i];
        from = i + 1;
      }
      return [from, text.length];
    }

    function words() {
      var place = many ? bounds() : [0, field.value.length];
      return field.value.slice(place[0], place[1]).trim();
    }

    function close() {
      list.hidden = true;
      chosen = -1;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    }

    function mark(position) {
      chosen = position;
      Array.from(list.children).forEach(function (one, place) {
        one.setAttribute("aria-selected", String(place === chosen));
        if (place === chosen) {
          one.scrollIntoView({ block: "nearest" });
          field.setAttribute("aria-activedescendant", one.id);
        }
      });
    }

    function take(position) {
      var entry = entries[position];
      if (many) {
        var place = bounds(), rest = field.value.slice(place[1]).replace(/^[,;]?\s*/, "");
        var before = field.value.slice(0, place[0]).replace(/\s*$/, "");
        var text = (before ? before + " " : "") + entry.value + ", ";
        field.value = text + rest;
        field.setSelectionRange(text.length, text.length);
      } else {
        field.value = entry.value;
        key.value = entry.key;
      }
      field.dispatchEvent(new Event("change", { bubbles: true }));
      close();
    }

    function line(entry, place) {
      var item = document.createElement("li"), name = document.createElement("span"), more = document.createElement("span");
      item.id = list.id + "-" + place;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      name.textContent = entry.name;
      more.textContent = [entry.address, entry.kind, entry.note].filter(Boolean).join(" · ");
      more.className = "ss-subtle";
      item.append(name, " ", more);
      item.addEventListener("mousedown", function (event) {
        event.preventDefault();
        take(place);
      });
      return item;
    }

    async function ask() {
      var text = words(), mine = ++asked;
      if (text.length < 2 || text.includes("<")) return close();
      try {
        var answer = await fetch(field.dataset.ssSuggest + (field.dataset.ssSuggest.includes("?") ? "&" : "?") + "q=" + encodeURIComponent(text));
        if (!answer.ok) return close();
        var found = (await answer.json()).found;
      } catch (error) {
        return close();
      }
      if (mine !== asked || document.activeElement !== field) return;
      entries = found;
      list.replaceChildren.apply(list, entries.map(line));
      told.textContent = entries.length ? entries.length + " found. Use the arrow keys." : "Nobody and nothing of that name.";
      list.hidden = !entries.length;
      field.setAttribute("aria-expanded", String(entries.length > 0));
      mark(-1);
    }

    field.addEventListener("input", function () {
      if (key) key.value = "";
      clearTimeout(timer);
      timer = setTimeout(ask, 200);
    });
    field.addEventListener("blur", close);
    field.addEventListener("keydown", function (event) {
      if (list.hidden) return;
      var step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) mark((chosen + step + entries.length + (chosen < 0 && step < 0 ? 1 : 0)) % entries.length);
      else if (event.key === "Enter" || (event.key === "Tab" && chosen >= 0)) take(Math.max(chosen, 0));
      else if (event.key === "Escape") close();
      else return;
      if (event.key !== "Tab") event.preventDefault();
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-ss-suggest]").forEach(start);
  });
})();

// The theme's script looks for a text field beside each file field; there is none here.
document.querySelectorAll(".ss-file").forEach(function (field) { field.hasChangeListener = true; });

// The letter: rich text in a box that can be edited, or plain text. What is sent along is cleaned by the server anyway.
document.addEventListener("DOMContentLoaded", function () {
  var form = document.querySelector("[data-ss-letter]");
  if (!form) return;
  var box = form.querySelector(".ss-editor"), body = document.getElementById("letter"), text = form.elements.text;
  var html = form.elements.html, format = form.elements.format, flip = form.querySelector("[data-ss-switch]");
  var tools = Array.from(box.querySelectorAll("[data-ss-format]")), changed = false;

  function asHtml(plain) {
    var holder = document.createElement("div");
    plain.split("\n").forEach(function (line) {
      var paragraph = document.createElement("div");
      paragraph.append(line ? document.createTextNode(line) : document.createElement("br"));
      holder.append(paragraph);
    });
    return holder.innerHTML;
  }

  function show(rich) {
    format.value = rich ? "html" : "text";
    box.hidden = !rich;
    form.querySelectorAll("[data-ss-plain]").forEach(function (one) { one.hidden = rich; });
    flip.textContent = rich ? "Write plain text" : "Write rich text";
  }

  flip.hidden = false;
  flip.addEventListener("click", function () {
    var rich = format.value !== "html";
    if (rich) body.innerHTML = asHtml(text.value);
    else text.value = body.innerText.replace(/\n{3,}/g, "\n\n");
    show(rich);
    (rich ? body : text).focus();
  });

  if (format.dataset.ssStart === "html") body.innerHTML = html.value;
  show(format.dataset.ssStart === "html");

  // A click on a picture may leave the cursor in another field: what is typed would be lost.
  function placeCursor() {
    var selection = document.getSelection();
    if (!body.contains(selection.anchorNode)) selection.collapse(body.firstChild || body, 0);
  }
  body.addEventListener("click", placeCursor);

  function press(tool) {
    var command = tool.dataset.ssFormat, value = null;
    body.focus();
    placeCursor();
    if (command === "createLink") {
      value = window.prompt("Address of the link", "https://");
      if (!value || !/^(https?:\/\/|mailto:|tel:)./i.test(value)) return;
    }
    document.execCommand(command, false, value);
    state();
  }

  function state() {
    tools.forEach(function (tool) {
      if (tool.hasAttribute("aria-pressed"))
        tool.setAttribute("aria-pressed", String(document.queryCommandState(tool.dataset.ssFormat)));
    });
  }

  // One stop for the tab key; the arrow keys go from button to button.
  tools.forEach(function (tool, place) {
    tool.tabIndex = place ? -1 : 0;
    tool.addEventListener("mousedown", function (event) { event.preventDefault(); });
    tool.addEventListener("click", function () { press(tool); });
    tool.addEventListener("keydown", function (event) {
      var step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      var next = tools[(place + step + tools.length) % tools.length];
      tools.forEach(function (one) { one.tabIndex = one === next ? 0 : -1; });
      next.focus();
      event.preventDefault();
    });
  });
  document.addEventListener("selectionchange", function () {
    if (document.activeElement === body) state();
  });

  // Only text is pasted: what other pages look like stays there.
  body.addEventListener("paste", function (event) {
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
  body.addEventListener("drop", function (event) { event.preventDefault(); });

  var files = form.elements.files;
  files.addEventListener("change", function () {
    var limit = Number(files.dataset.ssLimit);
    var large = Array.from(files.files).filter(function (file) { return file.size > limit; });
    document.getElementById("files-note").textContent = large.length
      ? "Too large, and will be refused: " + large.map(function (file) { return file.name; }).join(", ") + "."
      : "";
  });

  form.addEventListener("input", function () { changed = true; });
  form.addEventListener("change", function () { changed = true; });
  form.addEventListener("submit", function () {
    changed = false;
    if (format.value === "html") html.value = body.innerHTML;
  });
  window.addEventListener("beforeunload", function (event) {
    if (changed) event.preventDefault();
  });
});
