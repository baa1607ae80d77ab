// Draws <canvas data-chart="KIND" data-source="ID"> from the JSON block with that id. Kinds and what their blocks hold:
//   months   labels, within, over, expected, expectedOver: numbers per month; allowance, allowanceLabel (or null)
//   days     labels, inbound, within, over, tollFree: numbers per day; costs: amounts as text, for the tooltip;
//            crossed: index of the day on which the allowance ended (or null), crossedLabel
//   running  labels, running: the total so far per day; allowance, allowanceLabel (or null)
// Every number also stands in a table on the page. Colours are the tokens', read from a probe: a custom property itself
// would come back as light-dark(…), unresolved.
const probe = document.body.appendChild(Object.assign(document.createElement("i"), { ariaHidden: "true" }));

function palette() {
  const color = (name) => {
    probe.className = `vh key-${name}`;
    return getComputedStyle(probe).color;
  };
  const names = ["in", "out", "toll", "over", "mark", "grid", "tick", "gap"];
  return Object.fromEntries(names.map((name) => [name, color(name)]));
}

function hatch(color) {
  const tile = Object.assign(document.createElement("canvas"), { width: 6, height: 6 });
  const pen = tile.getContext("2d");
  pen.strokeStyle = color;
  pen.lineWidth = 1.4;
  pen.beginPath();
  for (const [x1, y1, x2, y2] of [[0, 6, 6, 0], [-1.5, 1.5, 1.5, -1.5], [4.5, 7.5, 7.5, 4.5]]) {
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
  }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

const number = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 2 });

function axes(colors, { stacked = false, reach = 0 } = {}) {
  return {
    x: { stacked, grid: { display: false }, border: { color: colors.grid }, ticks: { maxRotation: 0, autoSkipPadding: 14 } },
    y: {
      stacked,
      beginAtZero: true,
      suggestedMax: reach * 1.1,
      border: { display: false },
      ticks: { padding: 8, maxTicksLimit: 5, callback: number },
    },
  };
}

// A dashed line with its words on it: across at a value, or down before a day.
function marked(colors, place) {
  return {
    id: "mark",
    afterDatasetsDraw(chart) {
      const pen = chart.ctx;
      pen.save();
      pen.strokeStyle = pen.fillStyle = colors.mark;
      pen.lineWidth = 1.5;
      pen.font = `550 12px ${Chart.defaults.font.family}`;
      pen.setLineDash([5, 4]);
      place(chart, pen, chart.chartArea);
      pen.restore();
    },
  };
}

// Words over bars are read on a halo of the surface.
function write(pen, colors, words, x, y) {
  pen.setLineDash([]);
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = colors.gap;
  pen.strokeText(words, x, y);
  pen.fillText(words, x, y);
}

function stroke(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

// Where along the line, `width` wide, no bar reaches above `y`; undefined where bars leave no such place.
function placeOverBars(chart, y, width) {
  const { left, right } = chart.chartArea;
  const sets = chart.data.datasets.map((_, at) => chart.getDatasetMeta(at)).filter((set) => set.type === "bar");
  const bars = sets.flatMap((set) => set.data).filter((bar) => bar.y < y && bar.base > bar.y);
  const edges = bars.map((bar) => [bar.x - bar.width / 2, bar.x + bar.width / 2]).sort((a, b) => a[0] - b[0]);
  let from = left;
  for (const [start, end] of [...edges, [right, right]]) {
    if (start - from >= width) return from;
    from = Math.max(from, end);
  }
  return undefined;
}

// The words stand on the line where no bar is behind them, else above all bars, after a piece of the line as its key.
function allowanceMark(colors, data) {
  if (data.allowance == null) return [];
  return [marked(colors, (chart, pen, area) => {
    const y = chart.scales.y.getPixelForValue(data.allowance);
    stroke(pen, area.left, y, area.right, y);
    const width = pen.measureText(data.allowanceLabel).width;
    const onLine = placeOverBars(chart, y, width + 8);
    if (onLine != null) return write(pen, colors, data.allowanceLabel, onLine + 4, y - 7);
    const start = area.right - width;
    stroke(pen, start - 30, area.top - 12, start - 6, area.top - 12);
    write(pen, colors, data.allowanceLabel, start, area.top - 8);
  })];
}

function crossingMark(colors, data) {
  if (data.crossed == null) return [];
  return [marked(colors, (chart, pen, area) => {
    const scale = chart.scales.x;
    const x = scale.getPixelForValue(data.crossed) - (scale.getPixelForValue(1) - scale.getPixelForValue(0)) / 2;
    stroke(pen, x, area.top, x, area.bottom);
    const width = pen.measureText(data.crossedLabel).width + 12;
    const roomLeft = x - area.left > width;
    const start = roomLeft ? x - width + 4 : Math.min(x + 8, area.right - width + 12); // on a phone over the line, inside
    write(pen, colors, data.crossedLabel, start, area.top + 11);
  })];
}

const kinds = {
  months(data, colors) {
    const bars = [
      ["Within the allowance", data.within, colors.out],
      ["Over it", data.over, colors.over],
      ["Expected", data.expected, hatch(colors.out)],
      ["Expected over it", data.expectedOver, hatch(colors.over)],
    ];
    const chart = stacked(data, colors, bars, allowanceMark(colors, data), data.allowance ?? 0);
    if (data.allowance != null) chart.options.layout = { padding: { top: 22 } }; // for the words of the line
    return chart;
  },
  days(data, colors) {
    const bars = [
      ["Inbound", data.inbound, colors.in],
      ["Outbound", data.within, colors.out],
      ["Outbound over the allowance", data.over, colors.over],
      ["Toll-free", data.tollFree, colors.toll],
    ];
    return stacked(data, colors, bars, crossingMark(colors, data), 0);
  },
  running(data, colors) {
    const past = (point) => data.allowance != null && point.p1.parsed.y > data.allowance;
    const line = {
      label: "So far",
      data: data.running,
      borderColor: colors.out,
      borderWidth: 2,
      pointRadius: 0,
      tension: 0,
      segment: { borderColor: (point) => (past(point) ? colors.over : colors.out) },
    };
    return {
      type: "line",
      plugins: allowanceMark(colors, data),
      data: { labels: data.labels, datasets: [line] },
      options: { scales: axes(colors, { reach: data.allowance ?? 0 }) },
    };
  },
};

function stacked(data, colors, bars, plugins, reach) {
  const look = {
    borderColor: colors.gap,
    borderWidth: { top: 1 },
    borderSkipped: false,
    maxBarThickness: 44,
    categoryPercentage: 0.72,
    barPercentage: 1,
  };
  const shown = bars.filter(([, values]) => values?.some((value) => value > 0));
  const total = (items) => `Total: ${number(items.reduce((sum, item) => sum + item.parsed.y, 0))}`;
  const cost = (items) => (data.costs ? [`Cost: ${data.costs[items[0].dataIndex]}`] : []);
  return {
    type: "bar",
    plugins,
    data: {
      labels: data.labels,
      datasets: shown.map(([label, values, backgroundColor]) => ({ label, data: values, backgroundColor, ...look })),
    },
    options: {
      scales: axes(colors, { stacked: true, reach }),
      plugins: { tooltip: { callbacks: { footer: (items) => [total(items), ...cost(items)] } } },
    },
  };
}

let drawn = [];

function drawAll() {
  const colors = palette();
  Object.assign(Chart.defaults, { animation: false, maintainAspectRatio: false, color: colors.tick, borderColor: colors.grid });
  Object.assign(Chart.defaults.font, { family: getComputedStyle(document.body).fontFamily, size: 12 });
  Chart.defaults.plugins.legend.display = false; // the legend is HTML
  Chart.defaults.interaction = { mode: "index", intersect: false };
  for (const chart of drawn) chart.destroy();
  drawn = [...document.querySelectorAll("canvas[data-chart]")].map((canvas) => {
    const data = JSON.parse(document.getElementById(canvas.dataset.source).textContent);
    return new Chart(canvas, kinds[canvas.dataset.chart](data, colors));
  });
}

function drawOnPaper(onPaper) {
  probe.style.colorScheme = onPaper ? "light" : "";
  drawAll();
}

document.fonts.ready.then(drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("beforeprint", () => drawOnPaper(true));
addEventListener("afterprint", () => drawOnPaper(false));
