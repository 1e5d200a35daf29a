// The ways in which a picture is given: chosen, taken, dropped or pasted.

const $ = (id) => document.getElementById(id);

// give(file): called with what was given, which may be undefined.
export function listenForPictures(give) {
  for (const id of ["file", "photo"]) {
    $(id).addEventListener("change", ({ target }) => {
      give(target.files[0]);
      target.value = "";
    });
  }
  $("choose").addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      $("file").click();
    }
  });
  listenForDrops(give);
  addEventListener("paste", (event) => give([...event.clipboardData.files].find((file) => file.type.startsWith("image/"))));
}

function listenForDrops(give) {
  let inside = 0; // dragenter and dragleave come for every element on the way
  const dropping = (by) => {
    inside = Math.max(0, inside + by);
    document.body.classList.toggle("dropping", inside > 0);
  };
  addEventListener("dragenter", () => dropping(1));
  addEventListener("dragleave", () => dropping(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    dropping(-inside);
    give([...event.dataTransfer.files][0]);
  });
}
