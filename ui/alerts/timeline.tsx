import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { AlertTimeline } from "../../src/web/schemas/alert.ts";
import { DAY } from "../parts/times.ts";
import { useMedia } from "../parts/use-media.ts";
import { theme } from "../shell/theme.ts";
import { colourOf, STACKED, styleColour } from "./priorities.ts";

/** Alerts over time, stacked by priority; a brushed span becomes the filter. */
export function Timeline({
  timeline,
  onSpan,
}: {
  timeline: AlertTimeline;
  onSpan: (since: Date, until: Date) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const isDark = useMedia("(prefers-color-scheme: dark)");
  const chosen = useRef(onSpan);
  chosen.current = onSpan;
  const shown = useRef<uPlot>(null);
  const current = useRef(timeline);
  current.current = timeline;
  const data = stackedOf(timeline);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const chart = new uPlot(
      optionsOf(element.clientWidth, { chosen, shown: current }),
      data,
      element,
    );
    shown.current = chart;
    const resized = new ResizeObserver(() =>
      chart.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resized.observe(element);
    return () => {
      resized.disconnect();
      chart.destroy();
      shown.current = null;
    };
  }, [isDark, theme.value]);
  useEffect(() => shown.current?.setData(data), [timeline]);
  return (
    <div
      class="timeline"
      ref={box}
      role="img"
      aria-label={`Alerts over time, ${totalOf(timeline)} in all; drag to choose a span`}
    />
  );
}

const HEIGHT = 96;

function totalOf({ series }: AlertTimeline): number {
  return Object.values(series)
    .flat()
    .reduce((sum, count) => sum + count, 0);
}

/** Seconds, then for each priority the upper ends of its bars; the tallest, drawn first, are first. */
function stackedOf({ from, stepMs, steps, series }: AlertTimeline): uPlot.AlignedData {
  const times = Array.from({ length: steps }, (_, index) => (from + index * stepMs) / 1000);
  const below = times.map(() => 0);
  const tops = STACKED.map((priority) => {
    for (const [index, count] of series[priority]?.entries() ?? [])
      below[index] = (below[index] ?? 0) + count;
    return [...below];
  });
  return [times, ...tops.toReversed()];
}

function optionsOf(
  width: number,
  {
    chosen,
    shown,
  }: {
    chosen: { readonly current: (since: Date, until: Date) => void };
    shown: { readonly current: AlertTimeline };
  },
): uPlot.Options {
  const bars = uPlot.paths.bars?.({ size: [0.94, Number.POSITIVE_INFINITY], align: 1 });
  const axis = {
    stroke: styleColour("var(--dim)"),
    grid: { stroke: styleColour("var(--line)"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    padding: [6, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      // The last step has a width, too.
      x: { range: () => spanOf(shown.current) },
      y: { range: (_, __, max) => [0, Math.max(1, max)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 22,
        incrs: TIME_STEPS,
        values: (_, splits) => clockTexts(splits),
      },
      { ...axis, size: 44, space: 28, incrs: WHOLE_STEPS },
    ],
    series: [
      {},
      ...STACKED.toReversed().map((priority) => ({
        label: priority,
        fill: colourOf(priority),
        width: 0,
        points: { show: false },
        ...(bars === undefined ? {} : { paths: bars }),
      })),
    ],
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width: span } = chart.select;
          if (span < 3) return;
          const [first, last] = [left, left + span].map((x) => chart.posToVal(x, "x") * 1000);
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          chosen.current(...wholeSteps(shown.current, first ?? 0, last ?? 0));
        },
      ],
    },
  };
}

/** Seconds at the beginning and at the end. */
function spanOf({ from, stepMs, steps }: AlertTimeline): [number, number] {
  return [from / 1000, (from + Math.max(1, steps) * stepMs) / 1000];
}

/** The steps that a span of epoch milliseconds touches: what is counted is whole steps. */
function wholeSteps({ from, stepMs }: AlertTimeline, first: number, last: number): [Date, Date] {
  const [since, until] = [Math.floor((first - from) / stepMs), Math.ceil((last - from) / stepMs)];
  return [new Date(from + Math.max(0, since) * stepMs), new Date(from + until * stepMs)];
}

/** Seconds between labels of time: no step is shorter than a minute. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14_400, 43_200,
].map((minutes) => minutes * 60);

const WHOLE_STEPS = [1, 2, 5]
  .flatMap((digit) => Array.from({ length: 9 }, (_, power) => digit * 10 ** power))
  .toSorted((a, b) => a - b);

/** Seconds as clock times, or as days where the splits are that far apart. */
function clockTexts(splits: readonly number[]): string[] {
  const [first = 0, second = first] = splits;
  const isByDay = (second - first) * 1000 >= DAY;
  return splits.map((seconds) => {
    const time = new Date(seconds * 1000);
    return isByDay
      ? time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })
      : time.toTimeString().slice(0, (second - first) % 60 === 0 ? 5 : 8);
  });
}
