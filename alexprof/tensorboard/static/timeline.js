/** @param {HTMLElement} place */
export function drawTimeline(place) {
  place.textContent = "";
}
