// The page of `rnnlab serve`. Texts become text nodes and never markup.

const find = (id) => document.getElementById(id);
const REST_MS = 500; // after which what was typed is read

function element(kind, text = "", className = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function show(id, visible) {
  find(id).hidden = !visible;
}

function alertOf(message) {
  find("alert").textContent = message;
  show("alert", Boolean(message));
}

async function failureOf(response) {
  const facts = await response.json().catch(() => ({}));
  const wait = response.headers.get("retry-after");
  const again = wait ? ` (again in ${wait} s)` : "";
  return Object.assign(new Error(`${facts.error ?? `the server answered ${response.status}`}${again}`), facts);
}

async function ask(path, body, signal) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  const response = await fetch(path, { ...options, signal });
  if (!response.ok) throw await failureOf(response);
  return response.json();
}

async function attempt(work) {
  try {
    alertOf("");
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    alertOf(error instanceof TypeError ? "The server does not answer. Is it still running?" : error.message);
  }
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

// ---- a text and its verdict

let reading = new AbortController();

function showVerdict(facts) {
  const [best] = facts.predictions;
  find("label").textContent = best.label;
  find("probability").textContent = percent(best.probability);
  const bars = Object.entries(best.probabilities);
  if (bars.length > 6) bars.sort((one, other) => other[1] - one[1]);
  find("bars").replaceChildren(...bars.map(([label, share]) => {
    const item = element("li", "", label === best.label ? "best" : "");
    const track = element("span", "", "track");
    const filled = element("i");
    filled.style.width = `${100 * share}%`;
    track.append(filled);
    item.append(element("span", label, "name"), element("span", percent(share)), track);
    return item;
  }));
  const remarks = [`${facts.tokens.toLocaleString("en")} tokens`];
  if (facts.texts_cut) remarks.push("longer than the model reads: it was cut");
  if (facts.texts_empty) remarks.push("no words: read as one unknown word");
  else if (facts.coverage < 1) remarks.push(`${percent(1 - facts.coverage)} of them unknown to the model`);
  find("facts").textContent = remarks.join(" · ");
  show("waiting", false);
  show("answer", true);
}

async function readText(model) {
  reading.abort();
  reading = new AbortController();
  const { signal } = reading;
  const text = find("text").value;
  if (!text.trim()) {
    show("answer", false);
    show("waiting", true);
    show("explanation", false);
    return;
  }
  find("answer").classList.add("busy");
  find("words").classList.add("busy");
  try {
    const facts = await ask("predict", { text: text.toWellFormed?.() ?? text }, signal);
    showVerdict(facts);
    if (!model.methods.length) return;
    if (!facts.coverage) showNoExplanation(text, "the model knows none of these words.");
    else if (facts.tokens > model.explained_tokens) {
      showNoExplanation(text, `only texts of up to ${model.explained_tokens} tokens are explained.`);
    } else await explainText(text, signal);
  } finally {
    if (!signal.aborted) for (const id of ["answer", "words"]) find(id).classList.remove("busy");
  }
}

// ---- why

async function explainText(text, signal) {
  let facts;
  try {
    facts = await ask("explain", { text: text.toWellFormed?.() ?? text, method: find("method").value }, signal);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    showNoExplanation(text, error.message);
    return;
  }
  showExplanation(facts);
}

function showNoExplanation(text, reason) {
  find("words").replaceChildren(text);
  find("legend").replaceChildren();
  find("rows").replaceChildren();
  show("numbers", false);
  find("note").textContent = `Not explained: ${reason}`;
  show("explanation", true);
}

function showExplanation(facts) {
  const characters = Array.from(facts.text); // places count characters, as Python does
  const most = Math.max(...facts.pieces.map((piece) => Math.abs(piece.contribution)), 1e-12);
  const parts = [];
  let cursor = 0;
  for (const piece of facts.pieces) {
    let shown = piece.text;
    if (piece.start === null) {
      parts.push(" ");
    } else {
      if (piece.start > cursor) parts.push(characters.slice(cursor, piece.start).join(""));
      shown = characters.slice(Math.max(cursor, piece.start), piece.end).join("");
      cursor = Math.max(cursor, piece.end);
    }
    const word = element("span", shown, piece.known === false ? "strange" : "");
    const direction = !facts.signed ? "weight" : piece.contribution >= 0 ? "for" : "against";
    const share = 0.75 * Math.abs(piece.contribution) / most;
    if (share > 0.03) word.style.backgroundColor = `rgba(var(--${direction}), ${share.toFixed(3)})`;
    word.title = `${piece.contribution.toFixed(4)}${piece.known === false ? " (unknown to the model)" : ""}`;
    parts.push(word);
  }
  parts.push(characters.slice(cursor).join(""));
  find("words").replaceChildren(...parts);
  const kinds = facts.signed
    ? [["for", `for ${facts.explained}`], ["against", `against ${facts.explained}`]]
    : [["weight", "weight"]];
  find("legend").replaceChildren(...kinds.map(([kind, meaning]) => {
    const item = element("span");
    item.append(element("i", "", kind), meaning);
    return item;
  }));
  const gap = facts.gap === null ? "" : ` What they leave unexplained: ${Math.abs(facts.gap).toFixed(4)}.`;
  find("note").textContent = `${facts.note}${gap}`;
  const ordered = [...facts.pieces].sort((one, other) => Math.abs(other.contribution) - Math.abs(one.contribution));
  find("rows").replaceChildren(...ordered.slice(0, 200).map((piece) => {
    const row = element("tr");
    row.append(element("td", piece.text), element("td", piece.contribution.toFixed(4)));
    return row;
  }));
  show("numbers", true);
  show("explanation", true);
}

// ---- a table

class RowCounter { // line ends outside of quotes; a doubled quote closes and opens
  rows = 0;
  #quoted = false;
  add(bytes) {
    for (const byte of bytes) {
      if (byte === 34) this.#quoted = !this.#quoted;
      else if (byte === 10 && !this.#quoted) this.rows += 1;
    }
  }
}

function showProgress(done, total) {
  find("done").value = total ? done / total : 0;
  find("count").textContent = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} rows`;
  show("progress", true);
}

async function scoreTable(file, column, signal) {
  show("download", false);
  find("done").removeAttribute("value");
  find("count").textContent = "sending …";
  show("progress", true);
  const query = column ? `?column=${encodeURIComponent(column)}` : "";
  const response = await fetch(`table${query}`, {
    method: "POST", headers: { "content-type": "text/csv" }, body: file, signal,
  });
  if (!response.ok) throw await failureOf(response);
  const total = Number(response.headers.get("x-rows"));
  const counter = new RowCounter();
  const parts = [];
  const reader = response.body.getReader();
  showProgress(0, total);
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    counter.add(part.value);
    showProgress(Math.max(0, counter.rows - 1), total);
  }
  if (counter.rows - 1 !== total) throw new Error("the table came back incomplete; try it again");
  const link = find("download");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  link.download = file.name.replace(/\.csv$/i, "") + "-labelled.csv";
  show("download", true);
  link.focus();
}

function headerOf(text) {
  const names = [""];
  let quoted = false;
  for (const [place, letter] of [...text.replace(/^\ufeff/, "")].entries()) {
    if (letter === '"') {
      if (!quoted && text[place - 1] === '"') names[names.length - 1] += '"'; // a doubled quote
      quoted = !quoted;
    } else if (!quoted && letter === ",") names.push("");
    else if (!quoted && (letter === "\n" || letter === "\r")) break;
    else names[names.length - 1] += letter;
  }
  return names;
}

function offerColumns(names, chosen) {
  find("column").replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
  show("columns", names.length > 1);
}

function setUpTable(model) {
  let stop = new AbortController();
  find("file").addEventListener("change", async () => {
    const [file] = find("file").files;
    find("chosen").textContent = file ? file.name : "Choose a CSV …";
    find("score").disabled = !file;
    show("columns", false);
    show("progress", false);
    show("download", false);
    find("column").replaceChildren();
    if (file) offerColumns(headerOf(await file.slice(0, 1 << 16).text()), model.text_column);
  });
  find("stop").addEventListener("click", () => stop.abort());
  find("score").addEventListener("click", () => attempt(async () => {
    const [file] = find("file").files;
    stop = new AbortController();
    find("score").disabled = true;
    show("stop", true);
    try {
      await scoreTable(file, find("column").value, stop.signal);
    } catch (error) {
      show("progress", false);
      if (error.columns?.length) {
        offerColumns(error.columns, model.text_column);
        find("column").focus();
      }
      throw error;
    } finally {
      find("score").disabled = false;
      show("stop", false);
    }
  }));
}

// ---- a classifier

async function setUpClassifier(model) {
  const text = find("text");
  const read = () => attempt(() => readText(model));
  let rest;
  find("method").replaceChildren(...model.methods.map((name) => new Option(name.replaceAll("_", " "), name)));
  find("method").addEventListener("change", read);
  find("read").addEventListener("click", read);
  find("clear").addEventListener("click", () => { text.value = ""; read(); text.focus(); });
  text.addEventListener("input", () => { clearTimeout(rest); rest = setTimeout(read, REST_MS); });
  onControlEnter(text, () => { clearTimeout(rest); read(); });
  setUpTable(model);
  show("classifier", true);
  text.focus();
  const { examples } = await ask("examples");
  find("examples").replaceChildren(...examples.map((example) => {
    const item = element("li");
    const button = element("button");
    button.type = "button";
    const sure = `says ${example.predicted}, ${percent(example.probability)}; it is ${example.label}`;
    button.append(element("span", example.text, "excerpt"), element("small", sure));
    button.addEventListener("click", () => {
      text.value = example.text;
      scrollTo({ top: 0 });
      text.focus();
      read();
    });
    item.append(button);
    return item;
  }));
  show("errors", examples.length > 0);
}

// ---- a language model

function setUpWriter() {
  const prompt = find("prompt");
  let seed = 0;
  let writing = new AbortController();
  const write = () => attempt(async () => {
    writing.abort();
    writing = new AbortController();
    const temperature = Number(find("temperature").value);
    find("write").disabled = true;
    try {
      const body = { prompt: prompt.value.toWellFormed?.() ?? prompt.value, temperature, count: temperature ? 4 : 1, seed: seed++ };
      const facts = await ask("complete", body, writing.signal);
      const words = facts.unknown.length ? `Unknown to the model: ${facts.unknown.join(", ")}` : "";
      find("unknown").textContent = words;
      find("continuations").replaceChildren(...facts.continuations.map((each) => {
        const item = element("li", "", "text");
        const given = prompt.value.replace(/[ \t]+$/, "");
        const joint = each.text ? each.joint : " ";
        item.append(element("span", given && given + joint, "given"), each.text || "(the end)", each.ended ? "" : " …");
        return item;
      }));
      show("silence", false);
    } finally {
      find("write").disabled = false;
    }
  });
  find("write").addEventListener("click", write);
  find("temperature").addEventListener("input", () => { find("degrees").value = Number(find("temperature").value).toFixed(1); });
  onControlEnter(prompt, write);
  show("writer", true);
  prompt.focus();
}

function onControlEnter(field, act) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      act();
    }
  });
}

await attempt(async () => {
  const model = await ask("model");
  find("name").textContent = model.name;
  document.title = `${model.name} – rnnlab`;
  if (model.task === "language_modeling") setUpWriter();
  else await setUpClassifier(model);
});
