"""What a file says of all that it was made from."""

import pytest

import mien
from mien import artefacts, images, video
from mien.errors import MienError
from mien.provenance import describe


@pytest.fixture(scope="module")
def smile_file(drawn_smile, tmp_path_factory):
    return images.write(drawn_smile.photo.rgb, tmp_path_factory.mktemp("smile") / "smile.png")


@pytest.fixture(scope="module")
def film(drawn, drawn_smile, tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with video.Writer(path, drawn.photo.size, 25) as writer:
        for photo in (drawn.photo, drawn.photo, drawn_smile.photo):
            writer.add(photo.rgb)
    return path


def _told(path):
    """The action, who did it, and the hashes of what it was made from."""
    made = describe(path)
    return made.action, made.engine, made.source_sha256.split()


def test_a_head_names_its_capture_and_every_photo(drawn_file, smile_file, tmp_path):
    head = mien.capture([smile_file, drawn_file])
    action, capture, sources = _told(head.save(tmp_path / "head.glb"))
    assert (action, capture) == ("captured", "fit")
    assert sources[0] == head.photo.sha256
    assert sorted(sources) == sorted(map(artefacts.digest, (drawn_file, smile_file)))


def test_a_head_names_its_film_and_an_obj_sends_to_its_texture(film, tmp_path):
    head = mien.capture(film)
    assert _told(head.save(tmp_path / "head.glb")) == ("captured", "fit", [artefacts.digest(film)])
    obj = head.save(tmp_path / "head.obj")
    assert _told(tmp_path / "head.texture.png")[2] == [artefacts.digest(film)]
    with pytest.raises(MienError, match=r"mien doctor .*head\.texture\.png"):
        describe(obj)


def test_an_edit_names_the_photo_it_takes_the_expression_from(drawn_file, smile_file, tmp_path):
    result = mien.edit(drawn_file, like=smile_file)
    assert result.words == "like smile.png"
    assert _told(result.save(tmp_path / "x.png"))[2] == [artefacts.digest(drawn_file), artefacts.digest(smile_file)]
    alone = mien.edit(drawn_file, "AU12=+1").save(tmp_path / "y.png")
    assert _told(alone)[2] == [artefacts.digest(drawn_file)]


def test_an_animation_names_what_moves_it(drawn_file, film, tmp_path):
    made = mien.animate(drawn_file, film).save(tmp_path / "x.webp")
    assert _told(made)[2] == [artefacts.digest(drawn_file), artefacts.digest(film)]
