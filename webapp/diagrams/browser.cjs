/* The browser functions that bpmn-js needs and jsdom lacks.
 *
 * Knows nothing of BPMN. Text width is an estimate, 1 em for CJK and 0.56 em for other letters:
 * good enough to break and centre labels, and the same on every machine.
 */
'use strict';
const { JSDOM } = require('jsdom');

const NUMBER = '(-?[\\d.]+(?:e-?\\d+)?)';
const PAIR = `${NUMBER}[ ,]+${NUMBER}`;
const MOVE = new RegExp(`matrix\\(\\s*1[ ,]+0[ ,]+0[ ,]+1[ ,]+${PAIR}|translate\\(\\s*${PAIR}`);
const CORNER = new RegExp(`[ML]\\s*${PAIR}`, 'g');
const FIRST_CJK = 0x2e80;

const textWidth = (text, size) => [...text].reduce(
  (sum, letter) => sum + size * (letter.codePointAt(0) > FIRST_CJK ? 1 : 0.56), 0);

/** Points that a shape spans, in its own coordinates. */
function extent(element) {
  const n = (name) => parseFloat(element.getAttribute(name) || 0);
  switch (element.tagName) {
    case 'rect':
      return [[n('x'), n('y')], [n('x') + n('width'), n('y') + n('height')]];
    case 'circle':
      return [[n('cx') - n('r'), n('cy') - n('r')], [n('cx') + n('r'), n('cy') + n('r')]];
    case 'path':
      return [...(element.getAttribute('d') || '').matchAll(CORNER)].map((m) => [+m[1], +m[2]]);
    default:
      return [];
  }
}

/** Points that an element and all it contains span, moved by (dx, dy). */
function points(element, dx, dy) {
  const move = MOVE.exec(element.getAttribute('transform') || '');
  if (move) {
    dx += +(move[1] ?? move[3]);
    dy += +(move[2] ?? move[4]);
  }
  const own = extent(element).map(([x, y]) => [x + dx, y + dy]);
  const drawn = [...element.children].filter((child) => !['defs', 'marker'].includes(child.tagName));
  return own.concat(...drawn.map((child) => points(child, dx, dy)));
}

function boundingBox() {
  if (['text', 'tspan'].includes(this.tagName)) {
    const size = parseFloat(this.style.fontSize || this.getAttribute('font-size') || '12');
    return { x: 0, y: 0, width: textWidth(this.textContent, size), height: size * 1.2 };
  }
  const all = points(this, 0, 0);
  if (!all.length) return { x: 0, y: 0, width: 0, height: 0 };
  const xs = all.map(([x]) => x), ys = all.map(([, y]) => y);
  const x = Math.min(...xs), y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

const matrix = (a = 1, b = 0, c = 0, d = 1, e = 0, f = 0) => ({
  a, b, c, d, e, f,
  multiply: (o) => matrix(
    a * o.a + c * o.b, b * o.a + d * o.b, a * o.c + c * o.d, b * o.c + d * o.d,
    a * o.e + c * o.f + e, b * o.e + d * o.f + f),
  inverse() {
    const det = a * d - b * c;
    return matrix(d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det);
  },
  translate(x, y) { return this.multiply(matrix(1, 0, 0, 1, x, y)); },
  scale(s) { return this.multiply(matrix(s, 0, 0, s)); },
  rotate(degrees) { return this.multiply(turned(degrees)); },
});

const turned = (degrees) => {
  const angle = degrees * Math.PI / 180;
  return matrix(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle));
};

const transform = (of = matrix()) => ({
  type: 1,
  matrix: of,
  setMatrix(m) { this.matrix = m; },
  setTranslate(x, y) { this.matrix = matrix(1, 0, 0, 1, x, y); },
  setScale(x, y) { this.matrix = matrix(x, 0, 0, y); },
  setRotate(degrees) { this.matrix = turned(degrees); },
});

/** An element's SVGTransformList; what it is folded into becomes the transform attribute. */
const transformList = (element, items = []) => ({
  get numberOfItems() { return items.length; },
  getItem: (index) => items[index],
  clear() { items = []; },
  appendItem(item) { items.push(item); },
  initialize(item) { items = [item]; },
  createSVGTransformFromMatrix: transform,
  consolidate() {
    if (!items.length) return null;
    const m = items.reduce((all, item) => all.multiply(item.matrix), matrix());
    items = [transform(m)];
    const numbers = [m.a, m.b, m.c, m.d, m.e, m.f].map((n) => Math.round(n * 1000) / 1000 + 0);
    element.setAttribute('transform', `matrix(${numbers.join(' ')})`);
    return items[0];
  },
});

/** Random numbers that are the same in every run, so that drawing twice gives the same bytes. */
function steadyRandom(seed) {
  let state = [...seed].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 7);
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A window in which bpmn-js runs; `seed` decides the ids that it invents. */
function browser(seed) {
  const { window } = new JSDOM('<!doctype html><body><div id="canvas"></div></body>',
    { pretendToBeVisual: true, runScripts: 'outside-only' });
  const svg = window.SVGElement.prototype, lists = new WeakMap();
  Object.assign(svg, {
    getBBox: boundingBox,
    createSVGMatrix: () => matrix(),
    createSVGTransform: () => transform(),
    createSVGTransformFromMatrix: transform,
    createSVGPoint: () => ({ x: 0, y: 0, matrixTransform() { return this; } }),
    getScreenCTM: () => matrix(),
    getCTM: () => matrix(),
  });
  Object.defineProperty(svg, 'transform', {
    configurable: true,
    get() {
      if (!lists.has(this)) lists.set(this, transformList(this));
      return { baseVal: lists.get(this) };
    },
  });
  window.HTMLCanvasElement.prototype.getContext = () => ({
    font: '',
    measureText(text) {
      const em = parseFloat((/([\d.]+)px/.exec(this.font) || [0, 12])[1]);
      const heights = { actualBoundingBoxAscent: em * 0.9, actualBoundingBoxDescent: em * 0.3 };
      return { width: textWidth(text, em), ...heights };
    },
  });
  window.CSS = window.CSS || { escape: (s) => String(s).replace(/([^\w-])/g, '\\$1') };
  Object.assign(window, { SVGMatrix: function SVGMatrix() {}, structuredClone });
  window.eval('Math').random = steadyRandom(seed);
  return window;
}

module.exports = { browser };
