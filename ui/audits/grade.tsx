import type { OverallGrade } from "../../src/audit/report.ts";
import { escaped } from "../../src/reports/escaped.ts";
import { Letter } from "../parts/letter.tsx";

/** What the letter is made of: the scores as bars, and what holds it down. */
export function Grade({ grade }: { grade: OverallGrade }) {
  const bars = [
    ["Protocols", grade.scores.protocol],
    ["Key exchange", grade.scores.keyExchange],
    ["Ciphers", grade.scores.cipher],
    ["Score", grade.score],
  ] as const;
  return (
    <section>
      <h2>Grade</h2>
      <div class="bars">
        {bars.map(([name, score]) => (
          <div key={name}>
            <span>{name}</span>
            <meter
              min={0}
              max={100}
              low={50}
              high={80}
              optimum={100}
              value={score}
              aria-label={name}
            />
            <b>{Math.round(score)}</b>
          </div>
        ))}
      </div>
      {grade.caps.length === 0 ? (
        <p class="dim">Nothing but the score decides the letter.</p>
      ) : (
        <ul class="caps">
          {grade.caps.map(({ cap, reason }) => (
            <li key={reason}>
              <Letter letter={cap} /> at best: {escaped(reason)}
            </li>
          ))}
        </ul>
      )}
      {grade.ignoringTrust !== undefined && (
        <p>
          Without the question of trust: <Letter letter={grade.ignoringTrust} />
        </p>
      )}
    </section>
  );
}
