(() => {
  "use strict";
  const typeset = (node) => {
    const jax = window.MathJax;
    if (!jax?.typeset || !node.textContent.includes("\\(")) return;
    try {
      jax.typeset([node]);
    } catch {
      jax.startup.promise = jax.startup.promise.then(() => jax.typesetPromise([node]));
    }
  };
  const write = (node, text) => {
    window.MathJax?.typesetClear?.([node]);
    node.textContent = text;
    typeset(node);
  };
  const decode = (text) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))));

  const explorer = (root, data) => {
    const form = root.querySelector("form");
    const image = root.querySelector("img");
    const caption = root.querySelector(".rmt-caption");
    const controls = [...form.querySelectorAll(".rmt-control")];
    const svg = "data:image/svg+xml,";
    const first = image.getAttribute("src");
    const base = data.edits && decodeURIComponent(first.slice(svg.length)).split("\n");
    const table = data.edits && base.concat(data.lines);
    const urls = new Map();
    const frame = (k) => {
      if (data.frames) return data.frames[k] ?? first;
      if (!data.edits[k].length) return first;
      if (!urls.has(k)) {
        const lines = base.slice();
        for (const [at, drop, ...add] of data.edits[k]) {
          lines.splice(at, drop, ...add.map((i) => table[i]));
        }
        const blob = new Blob([lines.join("\n")], { type: "image/svg+xml" });
        urls.set(k, URL.createObjectURL(blob));
      }
      return urls.get(k);
    };
    const slider = (control) => control.querySelector("input[type=range]");
    const inputs = (control) => [...control.querySelectorAll("input")];
    const name = (control) => control.querySelector("input").name;
    const position = (control) =>
      Number(control.querySelector("input[type=range], input:checked").value);
    const move = (control, at) => {
      if (slider(control)) slider(control).value = at;
      else inputs(control)[at].checked = true;
    };
    const show = () => {
      let k = 0;
      controls.forEach((control, i) => {
        const at = position(control);
        k = k * data.texts[i].length + at;
        if (slider(control)) {
          control.style.setProperty("--at", at);
          control.querySelector("output").textContent = data.texts[i][at];
          slider(control).setAttribute("aria-valuetext", data.texts[i][at]);
        }
      });
      image.src = frame(k);
      image.alt = data.alts[k];
      if (caption && caption.textContent !== data.captions[k]) write(caption, data.captions[k]);
    };

    // The state is in the address, so that a link opens this picture, and in the history entry.
    const start = controls.map(position);
    const all = [...document.querySelectorAll('.rmt[data-rmt="explorer"]')];
    const key = root.closest("[id^=fig-]")?.id ?? `explorer-${all.indexOf(root) + 1}`;
    let waiting;
    const remember = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const now = controls.map(position);
        const pairs = controls.map((c, i) => [name(c), data.texts[i][now[i]]]);
        const kept = { ...history.state?.rmt, [key]: now };
        try {
          history.replaceState({ ...history.state, rmt: kept }, "", `#${key}?${new URLSearchParams(pairs)}`);
        } catch { /* too many changes, or no history: the picture is right all the same */ }
      }, 200);
    };
    const restore = () => {
      const [where, text] = location.hash.slice(1).split("?");
      const linked = where === key && text ? new URLSearchParams(text) : null;
      const kept = history.state?.rmt?.[key];
      controls.forEach((control, i) => {
        const at = linked ? data.texts[i].indexOf(linked.get(name(control))) : (kept?.[i] ?? -1);
        if (at >= 0 && at < data.texts[i].length) move(control, at);
      });
      if (linked || kept) show();
      if (linked) root.scrollIntoView({ block: "center" });
    };

    // Play and step move the slider that was used last, at first the first one.
    let active = controls.findIndex(slider);
    let playing;
    const play = form.querySelector(".rmt-play");
    const pause = () => {
      clearInterval(playing);
      playing = null;
      play?.setAttribute("aria-label", "Play");
      play?.classList.remove("rmt-on");
    };
    const step = (by) => {
      const last = data.texts[active].length - 1;
      const at = position(controls[active]) + by;
      if (at < 0 || at > last) return false;
      move(controls[active], at);
      show();
      remember();
      return at > 0 && at < last;
    };
    const buttons = {
      play: () => {
        if (playing) return pause();
        if (position(controls[active]) === data.texts[active].length - 1) {
          move(controls[active], 0);
          show();
        }
        play.setAttribute("aria-label", "Pause");
        play.classList.add("rmt-on");
        playing = setInterval(() => step(1) || pause(), 700);
      },
      back: () => step(-1),
      next: () => step(1),
      reset: () => {
        controls.forEach((control, i) => move(control, start[i]));
        show();
        remember();
      },
    };
    form.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.do !== "play") pause();
      buttons[button.dataset.do]();
    });
    form.addEventListener("input", (event) => {
      pause();
      const used = controls.findIndex((control) => control.contains(event.target));
      if (slider(controls[used])) active = used;
      show();
      remember();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    window.addEventListener("hashchange", restore);
    restore();
  };

  const number = (rule, reply) => {
    const value = (sign, digits, power) =>
      Number(`${sign}${digits}e${power ?? 0}`.replaceAll("\u2212", "-").replace(",", "."));
    const found = new RegExp(rule.pattern).exec(reply);
    if (!found || new RegExp(rule.thousands).test(reply)) return [null, rule.unreadable];
    const x = value(...found.slice(1, 4)) / (found[5] ? value(...found.slice(4, 7)) : 1);
    if (!Number.isFinite(x)) return [null, rule.unreadable];
    const near = (target) => Math.abs(x - target) <= rule.rtol * (Math.abs(target) || 1);
    if (near(rule.answer)) return [true, rule.right];
    const hints = rule.hints.filter(([wrong]) => near(wrong));
    hints.sort((a, b) => Math.abs(x - a[0]) - Math.abs(x - b[0]));
    return [false, hints.length ? hints[0][1] : x > rule.answer ? rule.large : rule.small];
  };

  const quiz = (root, data) => {
    const rule = decode(data);
    const form = root.querySelector("form");
    const verdict = root.querySelector(".rmt-verdict");
    const check = (reply) => {
      if (rule.kind === "number") return number(rule, reply);
      return reply ? rule.options[Number(reply)] : [null, rule.unreadable];
    };
    root.rmtCheck = check;
    const clear = () => {
      delete root.dataset.verdict;
      write(verdict, "");
    };
    form.addEventListener("input", clear);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [right, message] = check(new FormData(form).get("reply"));
      root.dataset.verdict = right === null ? "unread" : right ? "right" : "wrong";
      write(verdict, message);
    });
  };

  const kinds = { explorer, quiz };
  for (const root of document.querySelectorAll(".rmt[data-rmt]:not([data-on])")) {
    const store = root.querySelector('script[type="application/json"]');
    if (!store) continue;
    root.dataset.on = "";
    kinds[root.dataset.rmt](root, JSON.parse(store.textContent));
    for (const node of root.querySelectorAll("[hidden]")) node.hidden = false;
  }
})();
