"use strict";
// Text and elements. Whatever comes from outside becomes text, never markup.

// As the terminal writes numbers.
const MAX_NUMBER_LENGTH = 24;
const [MIN_POWER, MAX_POWER] = [-10, 20];

/** Makes visible what could mislead an eye: control, invisible and bidirectional characters. */
function printable(text) {
  return String(text).replace(/(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\ufffc\ufffd\u{1d159}]/gu, (character) => {
    const code = character.codePointAt(0).toString(16);
    return code.length > 4 ? "\\U" + code.padStart(8, "0") : "\\u" + code.padStart(4, "0");
  });
}

/** An element with a class and children; texts among them become text nodes. */
function element(name, className, ...children) {
  const node = document.createElement(name);
  if (className) node.className = className;
  node.append(...children.map((child) => (typeof child === "string" ? printable(child) : child)));
  return node;
}

/** Sets an element's text, and touches the page only where it differs. */
function setText(id, text) {
  const target = document.getElementById(id);
  const newText = printable(text);
  if (target.textContent !== newText) target.textContent = newText;
  target.hidden = newText === "";
}

/** Makes an element's children what is given, and touches only what differs: focus and selection stay. */
function setChildren(parent, ...children) {
  alignChildren(parent, [...element("div", "", ...children).childNodes]);
}

function alignChildren(parent, newNodes) {
  const oldNodes = [...parent.childNodes];
  oldNodes.slice(newNodes.length).forEach((surplus) => surplus.remove());
  newNodes.forEach((newNode, index) => {
    const oldNode = oldNodes[index];
    if (!oldNode) parent.append(newNode);
    else if (oldNode.nodeName !== newNode.nodeName) oldNode.replaceWith(newNode);
    else if (newNode.nodeType === Node.TEXT_NODE) {
      if (oldNode.data !== newNode.data) oldNode.data = newNode.data;
    } else {
      for (const { name } of [...oldNode.attributes]) if (!newNode.hasAttribute(name)) oldNode.removeAttribute(name);
      for (const { name, value } of newNode.attributes) {
        if (oldNode.getAttribute(name) !== value) oldNode.setAttribute(name, value);
      }
      alignChildren(oldNode, [...newNode.childNodes]);
    }
  });
}

/** A table's rows: a list of headings, and cells that are texts or elements; `numbers` are right-aligned. */
function fillTable(table, headings, rows, numbers = []) {
  if (rows.length === 0) return setChildren(table, element("caption", "", "none"));
  const cell = (name, content, column) =>
    element(name, numbers.includes(column) ? "number" : "", content ?? "");
  const head = element("thead", "", element("tr", "", ...headings.map((heading, column) => cell("th", heading, column))));
  const body = element("tbody", "", ...rows.map((row) => element("tr", "", ...row.map((content, column) => cell("td", content, column)))));
  setChildren(table, head, body);
}

/** A time of day, or with its date where that is not today's; milliseconds since 1970. */
function timeText(time_ms, withDate = false) {
  const date = new Date(time_ms);
  if (Number.isNaN(date.getTime())) return String(time_ms);
  const iso = date.toISOString();
  const today = iso.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return withDate || !today ? iso.slice(0, 19).replace("T", " ") : iso.slice(11, 23);
}

/** The same to the second. */
function secondText(time_ms) {
  return timeText(time_ms).replace(/\.\d+$/, "");
}

/** A span of time in its two largest units, as in the terminal. */
function ageText(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const units = [[86400, "d", 3600, "h"], [3600, "h", 60, "m"], [60, "m", 1, "s"]];
  for (const [size, unit, smaller, name] of units) {
    if (seconds >= size) {
      const rest = Math.floor((seconds % size) / smaller);
      return Math.floor(seconds / size) + unit + (rest ? ` ${rest}${name}` : "");
    }
  }
  return `${seconds}s`;
}

/** A number with all its digits; where only its size makes it long, with an exponent, as in the terminal. */
function numberText(text) {
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  const power = whole === "0" ? -1 - fraction.search(/[1-9]/) : whole.length - 1;
  if (text.length <= MAX_NUMBER_LENGTH || (power > MIN_POWER && power < MAX_POWER)) return text;
  const [first, ...rest] = (whole + fraction).replace(/^0+|0+$/g, "");
  const digits = (text.startsWith("-") ? "-" : "") + [first, rest.join("")].filter(Boolean).join(".");
  const exponent = `E${power < 0 ? "" : "+"}${power}`;
  const room = MAX_NUMBER_LENGTH - exponent.length;
  return (digits.length <= room ? digits : `${digits.slice(0, room - 1)}…`) + exponent;
}

/** An average to 8 significant digits, as in the terminal; numbers come as text, with all their digits. */
function shortNumber(text) {
  if (text === null || text === undefined) return "";
  const [size, decimals] = [text.replace("-", ""), text.split(".")[1]?.length ?? 0];
  const surplus = size.replace(".", "").replace(/^0+/, "").length - 8;
  if (text.length <= 8 || surplus <= 0) return numberText(text);
  const kept = decimals - surplus;
  const sign = text.startsWith("-") ? "-" : "";
  if (kept <= 0) return numberText(sign + rounded(size, kept) + "0".repeat(-kept));
  const digits = String(rounded(size, kept)).padStart(kept + 1, "0");
  return numberText(sign + `${digits.slice(0, -kept)}.${digits.slice(-kept)}`.replace(/\.?0+$/, ""));
}

/** A change in percent with its sign, from a million percent on as a power of ten, as in the terminal. */
function percentText(text) {
  if (text === null || text === undefined) return "";
  const [sign, size] = [text.startsWith("-") ? "-" : "+", text.replace("-", "")];
  const places = size.split(".")[0].length;
  if (places <= 6) {
    const digits = String(rounded(size, 2)).padStart(3, "0");
    return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)} %`;
  }
  const digits = String(rounded(size, 2 - places));
  return `${sign}${digits[0]}.${digits[1]}e+${places + digits.length - 3} %`;
}

/** A number that is not negative, in units of its last kept decimal, half to even: exact, where Number is not. */
function rounded(size, decimals) {
  const [whole, fraction = ""] = size.split(".");
  const units = BigInt(whole + fraction);
  const unit = 10n ** BigInt(Math.abs(fraction.length - decimals));
  if (fraction.length <= decimals) return units * unit;
  const [quotient, doubledRemainder] = [units / unit, 2n * (units % unit)];
  const isHalf = doubledRemainder === unit;
  return quotient + (doubledRemainder > unit || (isHalf && quotient % 2n) ? 1n : 0n);
}
