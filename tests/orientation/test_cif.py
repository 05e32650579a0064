"""CIF files from elsewhere: nothing of them is run, nothing impossible comes out, with either host."""

from pathlib import Path

import pytest

from support import orientation_scene as scene
from unmix4d import UnmixWarning
from unmix4d.orientation import crystal_from_cif
from unmix4d.orientation.phase_symmetry import symmetry_of_phase

pytest.importorskip("diffpy.structure")

CELL = "\n".join(line for line in scene.CIF.splitlines() if line.startswith("_cell"))
ATOMS = scene.CIF[scene.CIF.index("loop_") :]


def cif(*, cell=CELL, more="_space_group_IT_number 225", atoms=ATOMS):
    return "\n".join(["data_x", cell, more, atoms])


def operators(*lines, name="_symmetry_equiv_pos_as_xyz"):
    return "\n".join(["loop_", name, *(f'"{line}"' for line in lines)])


@pytest.fixture(params=["py4dstem", "pyxem"])
def read(request, tmp_path):
    """Reads a text as a CIF file with one of the hosts."""
    request.getfixturevalue(request.param)

    def read(text):
        path = tmp_path / "some.cif"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return crystal_from_cif(path, host=request.param)

    return read


def number_of_atoms(crystal):
    return len(crystal.positions if hasattr(crystal, "positions") else crystal.structure)


@pytest.mark.parametrize("name", ["_symmetry_equiv_pos_as_xyz", "_Space_Group_SYMOP_operation_xyz"])
@pytest.mark.parametrize("where", ["loop", "item", "another block"])
def test_no_code_of_a_file_runs(read, tmp_path, monkeypatch, name, where):
    monkeypatch.chdir(tmp_path)
    code = "x+__import__('pathlib').Path('ran').touch(),y,z"
    more = {
        "loop": operators("x,y,z", code, name=name), "item": f'{name} "{code}"', "another block": operators("x,y,z"),
    }[where]  # fmt: skip
    text = cif(more=more) + ("data_y\n" + operators(code, name=name) if where == "another block" else "")
    with pytest.raises(ValueError, match=r"symmetry operator .* must be three sums of x, y, z and fractions"):
        read(text)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    "operator",
    ["x+9**9**9**9,y,z", "2*x,y,z", "x,y", "x,y,z,x", "x,x,x", "x+1/0,y,z", "x+1e400,y,z", "w,y,z", "", "x+,y,z",
     "x+()[0],y,z", "x+1_0,y,z", "x+0x9,y,z", "x+lambda:0,y,z", "x+1j,y,z"],
)  # fmt: skip
def test_operators_that_are_none(read, operator):
    with pytest.raises(ValueError, match="symmetry operator"):
        read(cif(more=operators("x,y,z", operator)))


def test_operators_as_they_are_written(read):
    written = ["x,y,z", " 1/2+X, -Y , 0.5-Z", "-x,-y,-z", "1/2-x,y,.5+z"]
    assert number_of_atoms(read(cif(more=operators(*written)))) == 2


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no atoms"),
        (bytes(range(256)), "cannot be read as a CIF file"),
        (cif().encode("utf-16"), "cannot be read as a CIF file"),
        (cif(atoms=""), "no atoms"),
        (cif(cell=""), "one _cell_length_a, found 0"),
        (cif(cell=CELL.replace("_a 4.0853", "_a nan")), "_cell_length_a 'nan': it must be a finite number"),
        (cif(cell=CELL.replace("_a 4.0853", "_a -4.0853")), "each length must be above 0"),
        (cif(cell=CELL.replace("_a 4.0853", "_a 1e9")), "at most 1000 Å"),
        (cif(cell=CELL.replace("_alpha 90", "_alpha 190")), "no cell has them"),
        (cif(cell=CELL.replace("_alpha 90", "_alpha 10").replace("_beta 90", "_beta 120")), "no cell has them"),
        (cif(atoms=ATOMS.replace("Ag 0 0", "Ag ? 0")), "_atom_site_fract_x '[?]': it must be a finite number"),
        (cif(atoms=ATOMS.replace("Ag 0 0", "Ag inf 0")), "it must be a finite number"),
        (cif(atoms=ATOMS.replace("Ag 0 0", "Ag 1e9 0")), "must be within 100 cells"),
        (cif(atoms=ATOMS.replace("Ag1 Ag", "Xx1 Xx")), "unknown element 'Xx'"),
        (cif(atoms=ATOMS.replace("_atom_site_fract_z\n", "_atom_site_other\n")), "must give _atom_site_fract_x"),
        (cif(atoms=ATOMS.replace("_z\n", "_z\n_atom_site_occupancy\n").replace("0 0 0", "0 0 0 -1")), "between 0 and 1"),
        (cif(atoms=ATOMS + "\n".join(f"Ag{i} Ag {i / 2e4} 0 0" for i in range(2, 10_002))), "10001 atoms"),
        (cif(more="_space_group_IT_number 999"), "cannot be read as a CIF file"),
    ],
)
def test_impossible_crystals_are_one_sentence(read, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(text)
    assert "some.cif" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("data_x", "\ufeffdata_x"), ("Ag1 Ag 0", "Ag1 Ag1+ 0.000(3)")])
def test_other_spellings_are_read(read, change):
    assert number_of_atoms(read(cif().replace(*change))) == 4


def test_a_file_of_another_size_than_any_cif_is_not_read(tmp_path):
    path = tmp_path / "large.cif"
    with open(path, "wb") as file:
        file.truncate(11 << 20)
    with pytest.raises(ValueError, match="larger than 10 MB"):
        crystal_from_cif(path)


def test_the_setting_of_a_group_is_not_another_group(pyxem, tmp_path):
    """P 1 1 2_1 has a number of its own in diffpy, which orix does not know."""
    (tmp_path / "a.cif").write_text(cif(more=operators("x,y,z", "-x,-y,1/2+z")))
    assert crystal_from_cif(tmp_path / "a.cif", host="pyxem").space_group.number == 4


OWN = "\nloop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-x,-y,z'\n'1/2+x,1/2-y,-z'\n"  # not closed: of no group


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("listed, known", [(False, True), (True, False)])
def test_atoms_without_their_symmetry_are_said(pyxem, tmp_path, listed, known):
    """All four atoms of silver, as many programs write them, and the one of the asymmetric unit with its group."""
    places = scene.ATOMS if listed else [[0, 0, 0]]
    atoms = "".join(f"Ag{i} Ag {x} {y} {z}\n" for i, (x, y, z) in enumerate(places))
    text = scene.CIF[: scene.CIF.index("Ag1 Ag")] + atoms
    if not known:
        text = text.replace("'F m -3 m'", "'P 1'").replace("225", "1")
    path = tmp_path / "silver.cif"
    path.write_text(text)
    if known:
        assert len(symmetry_of_phase(crystal_from_cif(path, host="pyxem"))) == 24
        return
    with pytest.warns(UnmixWarning, match="but atoms that 24 rotations leave alike.*set phase.space_group"):
        phase = crystal_from_cif(path, host="pyxem")
    phase.space_group = 225
    assert len(symmetry_of_phase(phase)) == 24


def test_a_phase_without_any_group_has_no_symmetry(pyxem):
    from orix.crystal_map import Phase

    with pytest.warns(UnmixWarning, match="phase 'none' has no point group.*set its space_group"):
        assert symmetry_of_phase(Phase("none")).tolist() == [[[1, 0, 0], [0, 1, 0], [0, 0, 1]]]


def test_operators_that_are_no_known_group_are_read(pyxem, tmp_path):
    path = tmp_path / "some.cif"
    path.write_text(scene.CIF.replace("225", "?").replace("'F m -3 m'", "?") + OWN)
    with pytest.warns(UnmixWarning, match="no symmetry in its space group, but atoms"):
        assert crystal_from_cif(path, host="pyxem").point_group is None
