/** Draws the dashboard. */
export async function render() {
  const answer = await fetch("./data/runs");
  const text = document.createElement("pre");
  text.textContent = await answer.text();
  document.body.append(text);
}
