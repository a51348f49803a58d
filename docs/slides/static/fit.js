/* Give every slide the largest text and pictures with which nothing leaves it. */
const TEXT = [28, 26, 24], HEIGHT = 720, MARGIN = 18, SMALLEST = 240, ENOUGH = 330;

function used(slide) {
  const parts = [...slide.children].filter((part) => !part.matches("aside.notes"));
  return Math.max(0, ...parts.map((part) => part.offsetTop + part.offsetHeight)) + MARGIN;
}

function fit(slide) {
  const pictures = [...slide.querySelectorAll(".jp-OutputArea img")];
  let left = 0;
  for (const size of TEXT) {
    slide.style.setProperty("--text", `${size}px`);
    for (const picture of pictures) picture.style.height = "0px";
    left = HEIGHT - used(slide);
    if (left >= pictures.length * ENOUGH) break;
  }
  for (const picture of pictures) {
    const wide = picture.parentElement.clientWidth || 1200;
    const natural = wide * picture.naturalHeight / (picture.naturalWidth || 1);
    const height = Math.max(SMALLEST, Math.floor(left / pictures.length) - 2);
    picture.style.maxHeight = "none";
    picture.style.width = "auto";
    picture.style.height = `${Math.min(height, natural || height)}px`;
  }
}

function fitAll() {
  document.querySelectorAll(".reveal .slides > section > section").forEach(fit);
}
