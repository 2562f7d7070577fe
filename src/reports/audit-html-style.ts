import { Html } from "./html.ts";

/** The page's only style: follows the reader's light or dark, prints without colours lost, and needs no width. */
export const AUDIT_STYLE = new Html(`
:root { color-scheme: light dark; --good: light-dark(#12703a, #4cc283); --fair: light-dark(#8a5a00, #e0a83a); --bad: light-dark(#b3261e, #ff8a80); --line: light-dark(#d8dce2, #343a42); --dim: light-dark(#59636f, #9aa5b1); }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; background: light-dark(#fff, #15181c); color: light-dark(#1c2024, #e6e9ed); }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
main > * + article { margin-top: 3rem; border-top: 2px solid var(--line); padding-top: 2rem; }
header { display: flex; gap: 1.25rem; align-items: flex-start; }
header > .letter { font-size: 3rem; line-height: 1; padding: .6rem 1rem; }
header p { margin: .2rem 0; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); font-weight: normal; } thead th { color: var(--dim); }
.wide { overflow-x: auto; } .matrix td, .matrix th { white-space: nowrap; }
code { font: .86em ui-monospace, monospace; overflow-wrap: anywhere; }
.letter { display: inline-block; min-width: 1.9em; text-align: center; font-weight: 700; border: 1px solid currentColor; border-radius: .35rem; padding: 0 .35em; }
.good, .info { color: var(--good); } .fair, .medium, .low { color: var(--fair); } .bad, .high, .critical { color: var(--bad); } .none, .dim { color: var(--dim); } td.severity { white-space: nowrap; font-weight: 600; } td.info { color: var(--dim); }
td p { margin: .1rem 0 0; } small { color: var(--dim); } ul { padding-left: 1.1rem; } li { margin: .25rem 0; overflow-wrap: anywhere; }
.bars { display: flex; flex-wrap: wrap; gap: .5rem 2rem; } .bars label { display: flex; gap: .5rem; align-items: center; } meter { width: 8rem; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1rem; margin: 0; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.chain { list-style: none; padding: 0; margin: 1rem 0 0; } .chain li { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; margin: 0; } .chain li + li { margin-top: 1.2rem; position: relative; } .chain li + li::before { content: "↑ signed by"; position: absolute; top: -1.35rem; left: .9rem; font-size: .78rem; color: var(--dim); }
summary { cursor: pointer; overflow-wrap: anywhere; } details dl { margin-top: .6rem; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } header { gap: .8rem; } header > .letter { font-size: 2rem; padding: .4rem .6rem; } }
@media print { details > * { display: block; } section { break-inside: avoid; } }
`);
