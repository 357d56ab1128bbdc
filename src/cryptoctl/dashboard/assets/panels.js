"use strict";
// What stands around the chart, drawn from the state and the newest prices.

const STEPS = [
  ["webhook-processor", "receives prices"],
  ["crypto-prices", "the table"],
  ["price-enricher", "adds ma_5, ma_20, volatility"],
];

// As `status` names what its credentials may not read.
const PRICES_UNREAD = ["the prices", "the symbols with recent prices"];

function showState(answer, now_ms) {
  const { state } = answer;
  if (!state) return;
  const { overview } = state;
  setText("verdict", overview.verdict.replace(`${answer.location}: `, ""));
  document.getElementById("verdict").className = overview.concerns.length ? "bad" : "good";
  showConcerns(state);
  showPipeline(state, now_ms);
  showLetters(state);
  showErrors(state);
}

function showConcerns({ overview, next }) {
  const section = document.getElementById("concerns");
  const items = overview.concerns.map((each) =>
    element("li", "", element("strong", "", each.subject), ` ${each.what}`),
  );
  const list = element("ul", "scroll", ...items);
  list.tabIndex = 0;
  const unread = overview.unread.length ? [`These credentials may not read ${overview.unread.join(", ")}.`] : [];
  const { incomplete } = overview;
  const partly = incomplete?.length ? [`Of the last hour's log only a part was read, and there may be more: ${incomplete.join(", ")}.`] : [];
  const lines = [...next.map((each) => `→ ${each}`), ...overview.notes, ...unread, ...partly].map((each) => element("p", "quiet", ...withCommands(each)));
  section.hidden = items.length + lines.length === 0;
  replaceWith(section, ...(items.length ? [list] : []), ...lines);
}

/** A text with its `commands` set as code. */
function withCommands(text) {
  return text.split(/`([^`]*)`/).map((part, at) => (at % 2 ? element("code", "", part) : part));
}

function showPipeline(state, now_ms) {
  const boxes = [element("span", "end", "sender")];
  for (const [name, what] of STEPS) {
    boxes.push(arrow(), box(state, name, what, now_ms));
  }
  boxes.push(arrow(), element("span", "end", "updates topic"));
  replaceWith(document.getElementById("pipeline"), ...boxes);
}

function arrow() {
  const made = element("span", "arrow", "→");
  made.setAttribute("aria-hidden", "true");
  return made;
}

function box(state, name, what, now_ms) {
  const health = state.health[name];
  const words = { good: "all is well", doubtful: "dead letters", bad: "needs attention" };
  const lines = name === "crypto-prices" ? tableLines(state, now_ms) : functionLines(state, name);
  return element(
    "article", health,
    element("h2", "", name), element("span", "badge", words[health]), element("p", "quiet", what), ...lines,
  );
}

function tableLines({ overview }, now_ms) {
  const { symbols, more_symbols, unread } = overview;
  const [newest] = symbols;
  if (unread.some((each) => PRICES_UNREAD.includes(each))) return [element("p", "", "prices not read")];
  if (!newest) return [element("p", "", "no price in the last hour")];
  const waiting = symbols.filter((each) => !each.processed).length;
  const which = more_symbols ? `the newest ${symbols.length} of ${symbols.length + more_symbols} symbols:` : "all";
  return [
    element("p", "", `last price ${ageText(now_ms - newest.timestamp)} ago`),
    element("p", "", waiting ? `${waiting} of ${symbols.length} symbols: last price not enriched` : `${which} enriched`),
  ];
}

function functionLines({ overview }, name) {
  const activity = overview.functions.find((each) => each.function.startsWith(`${name}-`));
  const letters = overview.queues.find((each) => each.name.startsWith(`${name}-dlq-`));
  const count = letters ? letters.visible + letters.in_flight + letters.delayed : 0;
  const [mapping] = overview.mappings;
  const lines = [];
  if (activity) {
    lines.push(rate("prices a minute", activity.prices));
    if (activity.errors.some((each) => each > 0)) lines.push(rate("failures a minute", activity.errors, "bad"));
  }
  if (name === "price-enricher" && mapping) {
    const lag = mapping.iterator_age_s === null ? "idle" : `lag ${mapping.iterator_age_s.toFixed(1)} s`;
    lines.push(element("p", "", `stream ${mapping.state.toLowerCase()}, ${lag}`));
  }
  const said = letters ? `▼ ${count} dead letter${count === 1 ? "" : "s"}` : "▼ no queue";
  lines.push(element("p", count || !letters ? "bad" : "", said));
  return lines;
}

/** The last whole minute's number, and the last hour as a line. */
function rate(name, values, className = "") {
  return element("p", className, `${Math.round(values.at(-2))} ${name} `, sparkline(values));
}

function sparkline(values) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "polyline");
  const most = Math.max(1, ...values);
  const points = values.map((each, at) => `${at},${(15 - (14 * each) / most).toFixed(2)}`);
  line.setAttribute("points", points.join(" "));
  picture.setAttribute("viewBox", `0 0 ${values.length - 1} 16`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  picture.append(line);
  return picture;
}

function showLetters({ overview, causes }) {
  const place = document.querySelector("#letters .scroll");
  const parts = overview.queues.map((queue) => {
    const count = queue.visible + queue.in_flight + queue.delayed;
    const oldest = queue.oldest_s === null ? "" : `, the oldest ${ageText(queue.oldest_s * 1000)} old`;
    const of = causes.filter((each) => each.function === queue.name.replace("-dlq-", "-"));
    const rows = of.map((each) => element("tr", "", element("td", "number", `${each.count}`), element("td", "", each.cause)));
    const table = element("table", "", element("caption", "", "Its function's errors in the last hour, by cause"), element("tbody", "", ...rows));
    return element(
      "div", "", element("h3", count ? "bad" : "", `${queue.name}: ${count}${oldest}`), ...(rows.length ? [table] : []),
    );
  });
  if (overview.queues.length === 0) parts.push(element("p", "quiet", "There are no queues."));
  replaceWith(place, ...parts);
}

function showErrors({ errors, older_errors }) {
  const table = document.querySelector("#errors table");
  setText("older-errors", older_errors ? `and ${older_errors} older` : "");
  const rows = errors.map((each) => [
    timeText(each.time_ms), each.function, each.times > 1 ? `× ${each.times}` : "", each.text,
  ]);
  fillTable(table, ["time", "function", "times", "error"], rows);
}

/** The symbols with a button each, and the list to choose from; `chosen` is shown. */
function showSymbols({ state, names, left_out }, chosen, choose, now_ms) {
  const recent = state ? state.overview.symbols : [];
  const rows = recent.map((each) => {
    const button = element("button", "", each.symbol);
    button.dataset.symbol = each.symbol;
    button.title = shown(each.symbol);  // a long one is cut
    button.setAttribute("aria-pressed", String(each.symbol === chosen));
    return [
      button, numberText(each.price), change(each.change_5m_percent), change(each.change_1h_percent),
      ageText(now_ms - each.timestamp),
    ];
  });
  const table = document.querySelector("#symbols table");
  // The rows change places, and the keyboard is not to come to another symbol by that.
  const held = table.contains(document.activeElement) ? document.activeElement.dataset.symbol : undefined;
  fillTable(table, ["symbol", "price", "5 min", "1 h", "age"], rows, [1, 2, 3, 4]);
  if (held !== undefined) focusOn(table, held);
  table.onclick = (clicked) => clicked.target.dataset.symbol && choose(clicked.target.dataset.symbol);
  const more = state?.overview.more_symbols;
  // A saved page does not have them all.
  const saved = left_out ? `This file has the ${names.length} symbols with the newest prices, and not the ${left_out} others.` : "";
  setText("more-symbols", saved || (more ? `and ${more} more, in the list of all symbols above` : ""));
  const every = [...new Set([...recent.map((each) => each.symbol), ...names, ...(chosen ? [chosen] : [])])].sort();
  const select = document.getElementById("symbol");
  const options = every.map((each) => {
    const option = element("option", "", each);
    option.value = each;
    return option;
  });
  replaceWith(select, ...options);
  if (chosen && select.value !== chosen) select.value = chosen;
}

/** A change; what is shown as none has no colour, as in the terminal. */
function change(percent) {
  const text = percentText(percent);
  return element("span", /[1-9]/.test(text) ? (text.startsWith("-") ? "down" : "up") : "", text);
}

/** Puts the keyboard on a symbol's button; on none where it has gone. */
function focusOn(table, symbol) {
  const { activeElement } = document;
  if (activeElement.dataset.symbol === symbol) return;
  const button = [...table.querySelectorAll("button")].find((each) => each.dataset.symbol === symbol);
  if (button) button.focus({ preventScroll: true });
  else activeElement.blur();
}

function showNewest(newest) {
  const rows = newest.map((each) => [
    timeText(each.timestamp), numberText(each.price), numberText(each.volume), shortNumber(each.ma_5), shortNumber(each.ma_20),
    shortNumber(each.volatility), each.exchange,
  ]);
  const headings = ["time", "price", "volume", "ma_5", "ma_20", "volatility", "exchange"];
  fillTable(document.querySelector("#prices table"), headings, rows, [1, 2, 3, 4, 5]);
}

function showLegend(candle, chart) {
  setText("note", notes(chart).join(" "));
  if (!candle) return setText("legend", "");
  const [open, high, low, close, volume] = ["open", "high", "low", "close", "volume"].map((name) => numberText(candle[name]));
  const parts = [
    timeText(candle.time_ms, true), `O ${open}`, `H ${high}`, `L ${low}`, `C ${close}`, `volume ${volume}`,
    `trades ${candle.trades}`,
  ];
  const lines = Object.keys(LINES).map((name) => element("span", name, `${name} ${shortNumber(candle[name]) || "–"}`));
  const legend = document.getElementById("legend");
  legend.hidden = false;
  replaceWith(legend, ...parts.map((each) => element("span", "", each)), ...lines);
}

/** What the chart does not show, in words. */
function notes({ undrawable, tooOld }) {
  const { length } = undrawable;
  const large = `${length} candle${length === 1 ? " is" : "s are"} too large or too late to be drawn; the table has the newest prices.`;
  const old = `The oldest ${tooOld} candles are not drawn: choose a longer interval.`;
  return [...(length ? [large] : []), ...(tooOld ? [old] : [])];
}
