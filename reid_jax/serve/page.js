"use strict";
// The page of a gallery. Texts of the gallery are put in as text, never as HTML.

const at = (id) => document.getElementById(id);
const PAGE = 40;
const BYTES = 20_000_000; // of a picture; the server closes the connection above
const FEW = 24, MOST = 96; // matches of an answer
let most = FEW;
let about = {};
let answer = null; // the last answer, as the server gave it
let asking = 0; // of several questions only the last is answered
let shown = 0;

function made(tag, given = {}, ...inside) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) one.addEventListener(name.slice(2), value);
    else if (value === true) one.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) one.setAttribute(name, value);
  }
  one.append(...inside);
  return one;
}

function drawn(tag, given, ...inside) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(given)) one.setAttribute(name, value);
  one.append(...inside);
  return one;
}

async function asked(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  if (reply.status === 401) location.reload();
  let told = {};
  try {
    told = await reply.json();
  } catch { /* an answer that is no JSON is an error, told below */ }
  if (!reply.ok) throw new Error(told.error || `The server answers ${reply.status}.`);
  return told;
}

const posted = (path, body) =>
  asked(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

function tell(text) { at("error").textContent = ""; at("status").textContent = text; }
function wrong(error) { at("status").textContent = ""; at("error").textContent = error.message; }

const number = (n) => n.toLocaleString("en");
const percent = (p) => (p > 0.999 ? "over 99.9%" : p < 0.001 ? "below 0.1%" : `${(100 * p).toFixed(1)}%`);
const camera = (name) => (name === null ? "camera unknown" : `camera ${name}`);
const moment = (text) => (text ? text.replace("T", " ").replace(/(\.\d+)?Z$/, "") : "time unknown");
const many = (n, one, more = `${one}s`) => `${number(n)} ${n === 1 ? one : more}`;

function filters() {
  const given = new URLSearchParams();
  const boxes = [...at("cameras").querySelectorAll("input")];
  const ticked = boxes.filter((one) => one.checked);
  if (ticked.length < boxes.length) ticked.forEach((one) => given.append("camera", one.value));
  for (const name of ["since", "until"]) if (at(name).value) given.set(name, `${at(name).value}Z`);
  return given;
}

function face(picture, words) {
  return picture
    ? made("img", { src: picture, alt: words, loading: "lazy" })
    : made("span", { class: "none" }, "no picture kept");
}

function look(row, picture, words) {
  const go = () => { location.hash = `person-${row}`; };
  return made("button", { class: "look", type: "button", onclick: go, "data-row": row },
    face(picture, `Look for this person: ${words}`));
}

// ---- who was seen last

async function recent(first) {
  const given = filters();
  given.set("first", first);
  given.set("most", PAGE);
  const told = await asked(`/api/people?${given}`);
  if (!first) at("seen").replaceChildren();
  for (const one of told.people) {
    const words = `${camera(one.camera)}, ${moment(one.time)}`;
    at("seen").append(made("li", {}, look(one.row, one.picture, words),
      made("p", {}, camera(one.camera)), made("p", { class: "soft" }, moment(one.time))));
  }
  shown = first + told.people.length;
  at("seen-about").textContent = told.total
    ? `${number(shown)} of ${many(told.total, "track or picture", "tracks and pictures")}, the newest first.`
    : "Nobody was seen by these cameras at this time.";
  at("more").hidden = shown >= told.total || !told.people.length;
}

// ---- a question and its answer

async function give(file) {
  if (!file) return;
  if (!about.pictures_can_be_given) return wrong(new Error("The server has no encoder: click at a person instead."));
  if (file.size > BYTES) return wrong(new Error("The picture's file has more than 20 million bytes; make it smaller."));
  tell(`Looking at ${file.name || "the picture"}…`);
  try {
    const told = await asked("/api/query", { method: "POST", body: file });
    const next = `#picture-${told.query}`;
    if (location.hash === next) await search(); else location.hash = next;
  } catch (error) { wrong(error); }
}

async function search(quietly = false) {
  const found = /^#(person|picture)-([\w-]+)$/.exec(location.hash);
  at("answer").hidden = !found;
  if (!found) { answer = null; return; }
  const turn = ++asking;
  const given = filters();
  given.set("query", found[2]);
  given.set("by", at("by").value);
  given.set("top", most);
  if (!quietly) tell("Searching…");
  try {
    const told = await asked(`/api/search?${given}`);
    if (turn !== asking) return;
    answer = told;
    show();
    if (!quietly) { tell(verdict()); at("answer-h").focus(); }
  } catch (error) {
    if (turn === asking) { at("answer").hidden = !answer; wrong(error); }
  }
}

function verdict() {
  const of = `among ${many(answer.looked, "picture")}`;
  if (!answer.matches.length) return `Nobody ${of}.`;
  if (answer.threshold === null) return `The ${answer.matches.length} most alike ${of}; the encoder has no threshold.`;
  const above = answer.matches.filter((one) => one.above).length;
  const line = `the threshold (cosine ${answer.threshold.toFixed(3)})`;
  return above
    ? `${above} of the ${answer.matches.length} most alike ${of} reach ${line}.`
    : `Nobody ${of} reaches ${line}; the most alike are shown.`;
}

function show() {
  at("verdict").textContent = verdict();
  at("sure").textContent = (answer.exact ? "Every picture was looked at."
    : `Found by an index, which finds ${(100 * answer.recall).toFixed(1)}% of the ten nearest.`)
    + (about.probabilities ? " Probabilities hold where half of the pairs are of one person." : "");
  at("asked").hidden = !answer.query.picture;
  if (answer.query.picture) at("asked").src = answer.query.picture;
  const items = [];
  let above = true;
  answer.matches.forEach((one, place) => {
    if (answer.threshold !== null && above && !one.above) {
      items.push(made("li", { class: "threshold" }, place
        ? "The threshold: those below are probably other people."
        : "Nobody reaches the threshold: these are probably other people."));
      above = false;
    }
    items.push(card(one, place + 1));
  });
  at("ranked").replaceChildren(...items);
  at("further").hidden = most >= MOST || answer.matches.length < most;
  timeline();
}

function card(one, place) {
  const words = `${place}: ${camera(one.camera)}, ${moment(one.time)}`;
  const chance = one.probability === null ? `cosine ${one.cosine.toFixed(3)}` : percent(one.probability);
  const kind = one.above === null ? "" : one.above ? "above" : "below";
  const bar = made("span", { class: "bar", "aria-hidden": "true" }, made("i"));
  const value = one.probability === null ? one.cosine : one.probability;
  bar.firstChild.style.width = `${100 * Math.min(1, Math.max(0, value))}%`;
  if (one.probability === null && answer.threshold !== null) {
    const line = made("b");
    line.style.left = `${100 * Math.min(1, Math.max(0, answer.threshold))}%`;
    bar.append(line);
  }
  const told = [made("p", { class: "chance" }, `${place}. ${chance}`), bar];
  if (one.probability !== null) told.push(made("p", { class: "soft" }, `cosine ${one.cosine.toFixed(3)}`));
  told.push(made("p", {}, camera(one.camera)), made("p", {}, moment(one.time)));
  if (one.pictures > 1) told.push(made("p", { class: "soft" }, `${number(one.pictures)} pictures`));
  if (kind) told.push(made("p", { class: "soft" }, `${kind} the threshold`));
  return made("li", { class: kind }, look(one.row, one.picture, words), ...told, said(one, place));
}

function said(one, place) {
  const both = [[true, "The same"], [false, "Not the same"]].map(([same, text]) => made("button", {
    type: "button", "aria-pressed": String(one.said === same), "data-same": String(same),
    "aria-label": `${text} person, number ${place}`,
    onclick: () => say(one, same),
  }, text));
  return made("div", { class: "said", role: "group", "aria-label": `What you say of number ${place}` }, ...both);
}

async function say(one, same) {
  const name = answer.query.name;
  const query = /^\d+$/.test(name) ? Number(name) : name;
  const word = one.said === same ? null : same;
  try {
    await posted("/api/feedback", { query, row: one.row, same: word });
    one.said = word;
    for (const group of at("ranked").querySelectorAll("li")) {
      if (group.querySelector(`[data-row="${one.row}"]`)) {
        group.querySelectorAll("[data-same]").forEach((button) =>
          button.setAttribute("aria-pressed", String(word !== null && button.dataset.same === String(word))));
      }
    }
    tell(word === null ? "Taken back." : word ? "Kept: the same person." : "Kept: not the same person.");
  } catch (error) { wrong(error); }
}

// ---- the timeline

function stays() {
  const own = { camera: answer.query.camera, time: answer.query.time, until: answer.query.time };
  const seen = answer.matches.filter((one) => one.time && one.above !== false && one.said !== false);
  return [...(own.time ? [own] : []), ...seen].sort((a, b) => (a.time < b.time ? -1 : 1));
}

function timeline() {
  const seen = stays();
  at("steps").replaceChildren(...seen.map((one) => made("li", {},
    `${moment(one.time)}${one.until !== one.time ? ` to ${moment(one.until)}` : ""}: ${camera(one.camera)}`
    + (one.probability === undefined ? " (the picture you clicked at)" : one.probability === null ? "" : `, ${percent(one.probability)}`))));
  if (!seen.length) {
    at("timeline").replaceChildren(made("p", { class: "soft" }, "No time is known of those who reach the threshold."));
    return;
  }
  const lanes = [...new Set(seen.map((one) => one.camera))].sort((a, b) => String(a).localeCompare(String(b), "en", { numeric: true }));
  const wide = Math.max(280, at("timeline").clientWidth || 600), left = Math.min(150, wide / 3), lane = 34;
  const high = lanes.length * lane + 30;
  const first = Date.parse(seen[0].time);
  const last = Math.max(...seen.map((one) => Date.parse(one.until)));
  const x = (text) => left + 12 + (wide - left - 30) * (last > first ? (Date.parse(text) - first) / (last - first) : 0.5);
  const y = (name) => lanes.indexOf(name) * lane + lane / 2;
  const label = `Seen ${many(seen.length, "time")} by ${many(lanes.length, "camera")}, from ${moment(seen[0].time)} on; the list below says the same.`;
  const svg = drawn("svg", { viewBox: `0 0 ${wide} ${high}`, height: high, role: "img", "aria-label": label });
  for (const name of lanes) {
    const words = wide < 500 && name !== null ? name : camera(name);
    const short = words.length > left / 8 ? `${words.slice(0, left / 8 - 1)}…` : words;
    svg.append(drawn("text", { x: 0, y: y(name) + 5 }, short),
      drawn("line", { class: "lane", x1: left, x2: wide, y1: y(name), y2: y(name) }));
  }
  const way = seen.map((one, place) => `${place ? "L" : "M"}${x(one.time)} ${y(one.camera)}L${x(one.until)} ${y(one.camera)}`);
  svg.append(drawn("path", { class: "way", d: way.join("") }));
  for (const one of seen) {
    svg.append(drawn("line", { class: one.above ? "stay" : "stay unknown", x1: x(one.time), x2: x(one.until) + 0.1, y1: y(one.camera), y2: y(one.camera) },
      drawn("title", {}, `${camera(one.camera)}, ${moment(one.time)}`)));
  }
  const ends = [[left, "start", first], [wide, "end", last]].slice(0, last > first ? 2 : 1);
  const one_day = new Date(first).toDateString() === new Date(last).toDateString();
  for (const [place, anchor, when] of ends) {
    const text = moment(new Date(when).toISOString());
    svg.append(drawn("text", { x: place, y: high - 6, "text-anchor": anchor },
      wide < 500 ? (one_day ? text.slice(11) : text.slice(5, 16)) : text));
  }
  at("timeline").replaceChildren(svg);
}

// ---- removing a person

let counted = 0;

function choose() {
  const own = /^\d+$/.test(answer.query.name)
    ? [{ row: Number(answer.query.name), picture: answer.query.picture, said: true, own: true }] : [];
  at("choice").replaceChildren(...[...own, ...answer.matches].map((one, place) => {
    const words = one.own ? "the picture you clicked at" : `number ${place + (own.length ? 0 : 1)}`;
    const box = made("input", { type: "checkbox", value: one.row, onchange: count });
    box.checked = one.said === true;
    return made("li", {}, made("label", {}, face(one.picture, ""), box, ` ${words}`));
  }));
  at("dialog").showModal();
  count();
}

const ticked = () => [...at("choice").querySelectorAll("input:checked")].map((one) => Number(one.value));

async function count() {
  const rows = ticked();
  at("confirm").disabled = true;
  if (!rows.length) { at("count").textContent = "No picture is ticked."; return; }
  try {
    const told = await asked(`/api/person?${new URLSearchParams(rows.map((row) => ["row", row]))}`);
    if (String(rows) !== String(ticked())) return;
    counted = told.pictures;
    const cameras = Object.entries(told.cameras).map(([name, n]) => `${name}: ${number(n)}`).join(", ");
    at("count").textContent = `${many(told.pictures, "picture")} would be removed for good (by camera ${cameras}).`
      + (told.files ? ` ${many(told.files, "file")} that they were made of ${told.files === 1 ? "lies" : "lie"} outside of the gallery and must be removed there.` : "");
    at("confirm").disabled = false;
  } catch (error) { at("count").textContent = error.message; }
}

async function remove() {
  at("confirm").disabled = true;
  at("count").textContent = "Removing, which takes seconds…";
  try {
    const told = await posted("/api/remove", { rows: ticked(), pictures: counted });
    at("dialog").close();
    history.replaceState(null, "", location.pathname);
    at("answer").hidden = true;
    answer = null;
    await begin();
    tell(`${many(told.removed, "picture")} removed; their bytes have left the disk.`);
    at("ask-h").scrollIntoView();
  } catch (error) { at("count").textContent = error.message; }
}

// ---- the beginning

async function begin() {
  about = await asked("/api/about");
  document.title = `${about.name}: who was seen where`;
  const span = about.since ? `, from ${moment(about.since)} to ${moment(about.until)} (UTC)` : "";
  at("about").textContent = `${about.name}: ${many(about.pictures, "picture")} by ${many(Object.keys(about.cameras).length, "camera")}${span}.`;
  at("drop").hidden = !about.pictures_can_be_given;
  const names = Object.keys(about.cameras).filter((name) => name !== "null");
  names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const before = new Set([...at("cameras").querySelectorAll("input:not(:checked)")].map((one) => one.value));
  at("cameras").hidden = !names.length;
  at("cameras").replaceChildren(at("cameras").firstElementChild, ...names.map((name) => {
    const box = made("input", { type: "checkbox", value: name });
    box.checked = box.defaultChecked = !before.has(name);
    return made("label", {}, box, ` ${name} (${number(about.cameras[name])})`);
  }));
  await recent(0);
}

async function changed() {
  try {
    await recent(0);
    await search();
  } catch (error) { wrong(error); }
}

addEventListener("hashchange", () => { most = FEW; search(); });
at("further").addEventListener("click", async () => {
  const place = at("ranked").children.length;
  most = Math.min(MOST, 2 * most);
  await search(true);
  at("ranked").children[place]?.querySelector("button")?.focus();
});
addEventListener("resize", () => { if (answer) timeline(); });
at("file").addEventListener("change", () => give(at("file").files[0]));
for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) addEventListener(name, () => at("drop").classList.remove("over"));
addEventListener("drop", (event) => { event.preventDefault(); give(event.dataTransfer.files[0]); });
addEventListener("paste", (event) => { if (event.clipboardData.files.length) give(event.clipboardData.files[0]); });
at("filter").addEventListener("change", changed);
at("filter").addEventListener("submit", (event) => event.preventDefault());
at("filter").addEventListener("reset", () => {
  at("cameras").querySelectorAll("input").forEach((one) => { one.defaultChecked = true; });
  setTimeout(changed);
});
at("more").addEventListener("click", async () => {
  const place = shown;
  try { await recent(shown); } catch (error) { return wrong(error); }
  at("seen").children[place]?.querySelector("button")?.focus();
});
at("remove").addEventListener("click", choose);
at("confirm").addEventListener("click", remove);
begin().then(() => search()).catch(wrong);
