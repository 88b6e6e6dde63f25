// Measures the page it stands in once that is loaded, and leaves what it found in it as JSON.
addEventListener("load", async () => {
  const page = document.documentElement, anchors = [...document.querySelectorAll("nav a")];
  const visible = each => each.getClientRects().length > 0;
  const channels = text => (text.match(/[\d.]+/g) || []).map(Number);
  const light = ([...rgb]) => rgb.slice(0, 3).map(each => each / 255)
    .map(each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [.2126, .7152, .0722][at], 0);
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + .05) / (low + .05);
  };
  const ground = channels(getComputedStyle(document.body).backgroundColor);
  const painted = (each, name) => {
    const style = getComputedStyle(each), colour = channels(style[name]);
    return style[name] === "none" || colour[3] === 0 || (name === "stroke" && parseFloat(style.strokeWidth) === 0)
      ? ground : colour;
  };
  const seen = each => Math.max(contrast(painted(each, "fill"), ground), contrast(painted(each, "stroke"), ground));
  const marks = [...document.querySelectorAll("svg rect, svg circle, svg path, svg line")]
    .filter(each => visible(each) && /(^| )([csmt]-|curve|joint|group|sphere)/.test(each.getAttribute("class") || ""));
  // What a letter stands on is the last mark before it whose box holds it.
  const beneath = letters => {
    const box = letters.getBoundingClientRect(), x = box.x + Math.min(box.width / 2, 12), y = box.y + box.height / 2;
    const under = marks.filter(each => each.tagName === "rect" && getComputedStyle(each).fill !== "none" &&
      each.compareDocumentPosition(letters) & Node.DOCUMENT_POSITION_FOLLOWING).map(each =>
      [each, each.getBoundingClientRect()]).filter(([, at]) => at.x <= x && x <= at.right && at.y <= y && y <= at.bottom);
    return under.length ? channels(getComputedStyle(under.at(-1)[0]).fill) : ground;
  };
  const names = found => [...new Set(found)].slice(0, 20);
  const told = {
    forced: matchMedia("(forced-colors: active)").matches, dark: matchMedia("(prefers-color-scheme: dark)").matches,
    width: page.clientWidth, ratio: devicePixelRatio,
    pictures: [...document.images].filter(each => each.complete && each.naturalWidth > 0).length,
    over: page.scrollWidth - page.clientWidth,
    sticking: [...document.querySelectorAll("svg, img, table, h2, h3")]
      .filter(each => visible(each) && !each.closest("svg svg") && !each.closest("details"))
      .filter(each => each.getBoundingClientRect().right > page.clientWidth + 1)
      .map(each => each.id || each.outerHTML.slice(0, 80)),
    lost: anchors.filter(each => !document.querySelector(each.getAttribute("href"))).length, anchors: anchors.length,
    ground: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
    scaled: [...document.querySelectorAll("svg[viewBox] text")].length,
    letters: Math.min(...[...document.querySelectorAll("svg text")]
      .map(each => parseFloat(getComputedStyle(each).fontSize))),
    marks: marks.length,
    faint: names(marks.filter(each => seen(each) < 1.45).map(each =>
      `${each.closest("svg[id]")?.id} ${each.getAttribute("class")} ${seen(each).toFixed(2)}`)),
    pale: names([...document.querySelectorAll("svg text")].filter(visible)
      .map(each => [each, contrast(channels(getComputedStyle(each).fill), beneath(each))])
      .filter(([, found]) => found < 4.5).map(([each, found]) =>
        `${each.closest("svg[id]")?.id} ${each.textContent} ${found.toFixed(2)}`)),
    cut: names([...document.querySelectorAll("svg text")].filter(visible).filter(each => !each.closest("svg svg"))
      .filter(each => {
        const box = each.getBoundingClientRect(), whole = each.closest("svg").getBoundingClientRect();
        return box.left < whole.left - 1 || box.right > whole.right + 1 || box.bottom > whole.bottom + 2;
      }).map(each => `${each.closest("svg[id]")?.id} ${each.textContent}`)),
    overlapping: overlapping(),
  };
  if (window.axe) {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    told.axe = found.violations.filter(each => ["serious", "critical"].includes(each.impact))
      .map(each => `${each.id}: ${each.nodes.slice(0, 3).map(node => node.target).join(" | ")}`);
    told.rules = found.passes.length;
  }
  document.body.innerHTML = "<pre id='told'></pre>";
  document.querySelector("#told").textContent = JSON.stringify(told);

  function overlapping() {
    const found = [];
    for (const svg of document.querySelectorAll("svg[id]")) {
      const boxes = [...svg.querySelectorAll("text")].filter(visible).filter(each => each.textContent.trim())
        .filter(each => !each.parentElement.closest("svg svg"))
        .map(each => [each, each.getBoundingClientRect()]).sort((a, b) => a[1].top - b[1].top);
      boxes.forEach(([one, box], at) => {
        for (let next = at + 1; next < boxes.length && boxes[next][1].top < box.bottom - 3; next++) {
          const [other, there] = boxes[next];
          if (Math.min(box.right, there.right) - Math.max(box.left, there.left) > 1)
            found.push(`${svg.id} ${one.textContent} over ${other.textContent}`);
        }
      });
    }
    return names(found);
  }
});
