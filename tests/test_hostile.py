"Pictures that are broken, odd or malicious: each is opened fully or set aside with a plain reason."
import io, os, struct, subprocess, sys, time, warnings, zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastlessons.classes import check_pictures, find_classes, good_pictures, split_folders
from fastlessons.opening import FORMATS, MAX_PIXELS, open_picture

REAL = os.environ.get('FASTLESSONS_REAL')
real = pytest.mark.skipif(not REAL, reason='FASTLESSONS_REAL names no folder with real files')


@real
def test_every_hostile_file_is_opened_or_set_aside(capfd):
    files = [o for o in (Path(REAL)/'hostile').rglob('*') if o.is_file()]
    assert len(files) >= 180
    reasons, slowest = {}, (0, None)
    for f in files:
        begin = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            try: im = open_picture(f)
            except ValueError as e: reasons[f] = str(e).split(': ', 1)[1]
            else: assert im.mode == 'RGB' and np.asarray(im).shape == (im.height, im.width, 3)
        slowest = max(slowest, (time.process_time() - begin, f.name))
    assert slowest[0] < 3, slowest
    assert all(len(o) > 10 and '\n' not in o for o in reasons.values())
    rows = {o.file: o for o in check_pictures(Path(REAL)/'hostile')}
    assert set(rows) == set(files)
    assert {f for f,o in rows.items() if not o.ok} == set(reasons)
    assert {f: o.reason for f,o in rows.items() if not o.ok} == reasons
    assert 'Warning' not in capfd.readouterr().err
    # the valid ones of the PNG suite are all opened
    assert not [f for f in reasons if 'pngsuite_valid' in f.parts]


@real
@pytest.mark.parametrize('name, n, c', [('ants_bees', 180, 2), ('mushroom_photos', 200, 10)])
def test_real_photographs_are_all_good(name, n, c):
    files, labels, set_aside = good_pictures(Path(REAL)/name)
    assert (len(files), len(set(labels)), set_aside) == (n, c, [])


def png(width, height):
    "A small PNG that claims to be large."
    def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    pack = zlib.compressobj()
    rows = b''.join(pack.compress(bytes(1 + width)) for _ in range(height)) + pack.flush()
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')

def test_twenty_thousand_squared_is_refused_at_once(tmp_path):
    (tmp_path/'big.png').write_bytes(png(20_000, 20_000))
    code = ('import sys, time, resource\nfrom fastlessons.opening import open_picture\nbegin = time.process_time()\n'
            'try: open_picture(sys.argv[1])\nexcept ValueError as e: print(e)\n'
            'from pathlib import Path\nstatus = Path("/proc/self/status")          # on Linux ru_maxrss is inherited from the process that started this one\n'
            'high = status.read_text().split("VmHWM:")[1].split()[0] if status.exists() else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n'
            'print(time.process_time() - begin, high)')
    if sys.platform == 'win32': code = code.replace(', resource\n', '\n').replace('resource.getrusage(resource.RUSAGE_SELF).ru_maxrss', '0')
    out = subprocess.run([sys.executable, '-c', code, tmp_path/'big.png'], text=True, capture_output=True, timeout=300, check=True).stdout
    said, numbers = out.splitlines()
    seconds, memory = map(float, numbers.split())
    assert f'20,000 × 20,000 = 400,000,000, at most {MAX_PIXELS:,}' in said
    assert seconds < 1 and memory/(1024 if sys.platform == 'darwin' else 1) < 200_000
    assert not check_pictures(tmp_path)[0].ok


def test_any_mode_becomes_rgb(tmp_path):
    def back(im, name, **kwargs):
        im.save(tmp_path/name, **kwargs)
        return np.asarray(open_picture(tmp_path/name)).astype(int)
    grey = back(Image.new('L', (4, 4), 77), 'grey.png')
    assert (grey == 77).all()
    assert (back(Image.new('1', (4, 4), 1), 'bit.png') == 255).all()
    deep = np.array([[0, 257*10, 257*200, 65535]], 'uint16')
    assert back(Image.fromarray(deep), 'deep.png')[0, :, 0].tolist() == [0, 10, 200, 255]
    assert back(Image.fromarray(deep), 'deep.tif')[0, :, 0].tolist() == [0, 10, 200, 255]
    assert back(Image.fromarray(np.array([[0, .5, 1]], 'float32')), 'float.tif')[0, :, 1].tolist() == [0, 128, 255]
    cmyk = back(Image.new('CMYK', (8, 8), (0, 255, 255, 0)), 'cmyk.jpg', quality=95)
    assert cmyk[..., 0].min() > 240 and cmyk[..., 1:].max() < 15
    assert (back(Image.new('RGBA', (4, 4), (255, 0, 0, 0)), 'clear.png') == 255).all()
    half = back(Image.new('RGBA', (4, 4), (255, 0, 0, 128)), 'half.webp', lossless=True)
    assert (abs(half - [255, 127, 127]) <= 1).all()
    palette = Image.new('P', (4, 4), 1); palette.putpalette([0, 0, 0, 9, 99, 199])
    assert (back(palette, 'palette.gif') == [9, 99, 199]).all()
    assert (back(palette, 'hole.png', transparency=1) == 255).all()
    first = Image.new('RGB', (4, 4), 'red')
    for name in ['film.gif', 'film.png', 'film.webp']:
        film = dict(save_all=True, append_images=[Image.new('RGB', (4, 4), 'blue')], lossless=True)
        assert (back(first, name, **film) == [255, 0, 0]).all()


@pytest.mark.parametrize('ending', ['jpg', 'png', 'webp', 'tif'])
@pytest.mark.parametrize('turn', range(1, 9))
def test_exif_rotation(tmp_path, ending, turn):
    from PIL import ImageOps
    im = Image.new('RGB', (32, 16), 'white')
    im.paste('red', (0, 0, 16, 8))
    exif = Image.Exif(); exif[0x0112] = turn
    im.save(tmp_path/f'o.{ending}', exif=exif)
    want = ImageOps.exif_transpose(Image.open(tmp_path/f'o.{ending}'))
    ours = open_picture(tmp_path/f'o.{ending}')
    assert ours.size == want.size == ((32, 16) if turn < 5 else (16, 32))
    assert abs(np.asarray(ours).astype(int) - np.asarray(want)).max() <= 1


def test_a_damaged_exif_costs_no_picture(tmp_path):
    Image.new('RGB', (8, 4), 'red').save(tmp_path/'o.jpg', exif=b'Exif\0\0MM\0*\xff\xff\xff\xff')
    assert open_picture(tmp_path/'o.jpg').size == (8, 4)


def test_truncated_anywhere(tmp_path):
    noise = Image.effect_noise((40, 40), 60).convert('RGB')
    path = tmp_path/'cut'
    for format in ['JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'TIFF']:
        buffer = io.BytesIO(); noise.save(buffer, format)
        data = buffer.getvalue()
        for n in sorted({*range(0, 60), *range(60, len(data)*3//4, max(1, len(data)//40))}):
            path.write_bytes(data[:n])
            with pytest.raises(ValueError) as e: open_picture(path)
            assert len(str(e.value)) > len(str(path)) + 10


def test_flipped_bytes_raise_nothing_else(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path/'flip'
    for format in ['JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'TIFF']:
        buffer = io.BytesIO(); Image.effect_noise((24, 24), 60).convert('RGB').save(buffer, format)
        for _ in range(60):
            data = bytearray(buffer.getvalue())
            for i in rng.integers(0, min(len(data), 400), 3): data[i] = rng.integers(256)
            path.write_bytes(data)
            try: open_picture(path)
            except ValueError: pass


def test_other_formats_are_named(tmp_path):
    (tmp_path/'a.jpg').write_bytes(b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n')
    with pytest.raises(ValueError, match=f"format EPS is not one of {', '.join(FORMATS)}"): open_picture(tmp_path/'a.jpg')
    Image.new('RGB', (16, 16)).save(tmp_path/'b.png', 'ICO')
    with pytest.raises(ValueError, match='format ICO is not one of'): open_picture(tmp_path/'b.png')
    (tmp_path/'c.jpg').write_text('<html><body>404 Not Found')
    with pytest.raises(ValueError, match='format web page'): open_picture(tmp_path/'c.jpg')
    (tmp_path/'d.jpg').write_text('a letter to my aunt')
    with pytest.raises(ValueError, match='not a picture'): open_picture(tmp_path/'d.jpg')
    for path in [tmp_path, tmp_path/'none.jpg', 'nul\0l']:
        with pytest.raises(ValueError, match='.'): open_picture(path)


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no such files')
def test_pipes_and_links(tmp_path):
    folder = tmp_path/'pets'
    for name in ['cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg', 'dog/2.jpg']:
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (8, 8), 'brown').save(folder/name)
    os.mkfifo(folder/'cat/pipe.jpg')
    os.symlink('self.jpg', folder/'cat/self.jpg')          # to itself
    os.symlink('gone.jpg', folder/'cat/dangling.jpg')
    os.symlink('/dev/zero', folder/'cat/zero.jpg')
    os.symlink('..', folder/'cat/up', target_is_directory=True)
    os.symlink('../dog', folder/'cat/across', target_is_directory=True)
    os.symlink(tmp_path, folder/'dog/out', target_is_directory=True)
    os.symlink('/', folder/'dog/root', target_is_directory=True)
    begin = time.perf_counter()
    files, labels, set_aside = good_pictures(folder)
    assert time.perf_counter() - begin < 2   # of the clock: reading from a pipe waits
    assert [f'{o.parent.name}/{o.name}' for o in files] == ['cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg', 'dog/2.jpg']
    assert {o.file.name: o.reason for o in set_aside}.keys() == {'pipe.jpg', 'self.jpg', 'dangling.jpg', 'zero.jpg'}
    # a link to pictures that lie elsewhere is a fine way to use them
    elsewhere = tmp_path/'elsewhere'; elsewhere.mkdir()
    Image.new('RGB', (8, 8)).save(elsewhere/'3.jpg'); Image.new('RGB', (8, 8)).save(elsewhere/'4.jpg')
    os.symlink(elsewhere, folder/'fox', target_is_directory=True)
    assert good_pictures(folder).labels == ['cat']*2 + ['dog']*2 + ['fox']*2


def fill(folder, *names):
    for o in names:
        (folder/o).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (8, 8), 'brown').save(folder/o, 'JPEG')
    return folder

def test_what_is_no_folder_of_classes(tmp_path):
    def refuses(folder, error, words):
        with pytest.raises(error, match=words): good_pictures(folder)
    fill(tmp_path/'pets', 'cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg', 'dog/2.jpg')
    refuses(tmp_path/'pest', FileNotFoundError, 'no folder .*there is no pest in .*do you mean pets')
    refuses(tmp_path/'nowhere'/'pets', FileNotFoundError, 'there is no nowhere in')
    refuses(tmp_path/'pets/cat/1.jpg', NotADirectoryError, 'is a file')
    (tmp_path/'empty').mkdir()
    refuses(tmp_path/'empty', ValueError, 'is empty: expected is a sub-folder a class')
    refuses(fill(tmp_path/'loose', '1.jpg', '2.jpg'), ValueError, 'holds 2 pictures but no sub-folder')
    refuses(fill(tmp_path/'lone', 'cat/1.jpg', 'cat/2.jpg'), ValueError, 'one class only, cat')
    refuses(fill(tmp_path/'few', 'cat/1.jpg', 'dog/1.jpg', 'dog/2.jpg'), ValueError, 'class cat in .*one picture only')
    (fill(tmp_path/'gap', 'cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg', 'dog/2.jpg')/'fox').mkdir()
    refuses(tmp_path/'gap', ValueError, 'no file in fox')
    (tmp_path/'gap/fox/1.jpg').write_text('no picture')
    refuses(tmp_path/'gap', ValueError, 'class fox .*has no picture that can be opened .*1.jpg: not a picture')
    refuses(fill(tmp_path/'split', 'train/cat/1.jpg', 'train/dog/1.jpg', 'valid/fox/1.jpg'), ValueError, 'class fox .*no picture to train on')


def test_folders_of_classes(tmp_path):
    pets = fill(tmp_path/'pets', 'cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg', 'dog/deeper/2.jpg', 'loose.jpg',
                '.ipynb_checkpoints/1.jpg', 'cat/.hidden.jpg', '__MACOSX/1.jpg')
    (pets/'models').mkdir()   # fastai's learning rate finder leaves it
    (pets/'dog/notes.txt').write_text('buy milk')
    before = sorted(pets.rglob('*'))
    files, labels, set_aside = good_pictures(pets)
    assert labels == ['cat', 'cat', 'dog', 'dog'] and split_folders(pets) == {}
    assert {o.file.name: o.reason for o in set_aside}['loose.jpg'] == 'lies outside the class folders'
    assert {o.file.name for o in set_aside} == {'loose.jpg', 'notes.txt'}
    assert sorted(pets.rglob('*')) == before
    split = fill(tmp_path/'split', 'train/cat/1.jpg', 'train/dog/1.jpg', 'val/cat/2.jpg', 'val/dog/2.jpg', 'test/x.jpg')
    assert split_folders(split) == {'train': 'train', 'val': 'valid', 'test': 'test'}
    assert {k: len(v) for k,v in find_classes(split).items()} == {'cat': 2, 'dog': 2}
    assert good_pictures(split).labels == ['cat', 'cat', 'dog', 'dog']


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows forbids such names')
def test_odd_names(tmp_path):
    names = [f'{label}/{name}' for label in ['класс [1]', "b 'quoted\" 茸", 'c\nd'] for name in ['x y.jpg', '[0-9].jpg', '*.jpg', 'a\tb\n.jpg', '\\.jpg']]
    folder = fill(tmp_path/'pets [new]', *names)
    raw = os.fsdecode(os.fsencode(folder) + b'/\xff\xfe/')
    try: fill(Path(raw), '1.jpg', '2.jpg'); n = len(names) + 2
    except OSError: n = len(names)
    files, labels, set_aside = good_pictures(folder)
    assert len(files) == n and set_aside == []
    (folder/'c\nd'/'bad\n.jpg').write_text('x')
    row, = [o for o in good_pictures(folder).set_aside]
    assert str(row).isprintable()


def test_a_folder_without_permission(tmp_path, monkeypatch):
    folder = fill(tmp_path/'pets', 'cat/1.jpg', 'cat/2.jpg', 'dog/1.jpg', 'dog/2.jpg', 'dog/secret/3.jpg')
    listdir = os.listdir
    def refuse(path='.'):
        if Path(path).name == 'secret': raise PermissionError(13, 'Permission denied')
        return listdir(path)
    monkeypatch.setattr(os, 'listdir', refuse)
    row, = good_pictures(folder).set_aside
    assert row.file.name == 'secret' and 'cannot be listed' in row.reason


def test_four_hundred_pictures_in_a_second(tmp_path):
    rng = np.random.default_rng(0)
    for label in 'abcd':
        (tmp_path/label).mkdir()
        for i in range(100): Image.fromarray(rng.integers(0, 255, (160, 160, 3), 'uint8')).save(tmp_path/label/f'{i}.jpg', quality=90)
    begin = time.process_time()
    assert len(good_pictures(tmp_path).files) == 400
    assert time.process_time() - begin < 3   # 0.5 s of the processor
