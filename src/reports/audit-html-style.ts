import { Html } from "./html.ts";

/**
 * The page's only style: follows the reader's light or dark, prints without colours lost, and needs
 * no width.
 */
export const AUDIT_STYLE = new Html(`
:root { color-scheme: light dark; --good: light-dark(#12703a, #4cc283); --fair: light-dark(#8a5a00, #e0a83a); --bad: light-dark(#b3261e, #ff8a80); --line: light-dark(#d8dce2, #343a42); --dim: light-dark(#59636f, #9aa5b1); --page: light-dark(#fff, #15181c); }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; background: var(--page); color: light-dark(#1c2024, #e6e9ed); }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
main > * + article { margin-top: 3rem; border-top: 2px solid var(--line); padding-top: 2rem; }
a { color: light-dark(#0b57d0, #8ab4f8); }
header { display: flex; gap: 1.25rem; align-items: flex-start; }
header > .letter { font-size: 3rem; line-height: 1; padding: .6rem 1rem; }
header p { margin: .2rem 0; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.tally { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin: .6rem 0 1rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); font-weight: normal; } thead th { color: var(--dim); vertical-align: bottom; }
.wide { overflow-x: auto; } .matrix td, .matrix th { white-space: nowrap; padding-block: .2rem; } .matrix tr > :first-child { position: sticky; left: 0; background: var(--page); } .overview td { overflow-wrap: break-word; }
code { font: .86em ui-monospace, monospace; overflow-wrap: anywhere; }
.letter { display: inline-block; min-width: 1.9em; text-align: center; font-weight: 700; border: 1px solid currentColor; border-radius: .35rem; padding: 0 .35em; white-space: nowrap; }
.good { color: var(--good); } .fair { color: var(--fair); } .bad { color: var(--bad); } .dim, small { color: var(--dim); } td.severity { white-space: nowrap; font-weight: 600; width: 5.5rem; }
td p, li p { margin: .1rem 0 0; } ul { padding-left: 1.1rem; } li { margin: .25rem 0; overflow-wrap: anywhere; } .caps { list-style: none; padding: 0; }
.bars { display: grid; grid-template-columns: max-content minmax(6rem, 20rem) max-content; gap: .2rem .9rem; align-items: center; } meter { width: 100%; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1rem; margin: 0; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.verdicts { list-style: none; padding: 0; margin: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .1rem 1.5rem; }
.chain { list-style: none; padding: 0; margin: 1rem 0 0; } .chain li { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; margin: 0; position: relative; } .chain li + li { margin-top: 1.8rem; }
.chain .link { position: absolute; top: -1.6rem; left: .9rem; font-size: .78rem; color: var(--dim); } .chain .absent { border-style: dashed; } .chain .loose { border-color: var(--fair); }
summary { cursor: pointer; overflow-wrap: anywhere; } details dl { margin-top: .6rem; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } header { gap: .8rem; } header > .letter { font-size: 2rem; padding: .4rem .6rem; } .matrix tr > :first-child { max-width: 48vw; white-space: normal; } .overview thead { display: none; } .overview tr { display: flex; flex-wrap: wrap; gap: .2rem .6rem; padding: .5rem 0; border-bottom: 1px solid var(--line); } .overview td { border: 0; padding: 0; min-width: 0; } .overview td:last-child { flex-basis: 100%; color: var(--dim); } }
@media print { details::details-content { content-visibility: visible; block-size: auto; } section { break-inside: avoid-page; } .wide { overflow: visible; } .matrix tr > :first-child { position: static; } a { color: inherit; } }
`);
