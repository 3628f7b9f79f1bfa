# The build without CMake: CPU only. CMakeLists.txt is the main one; both read the same sources.
{
  'variables': {
    'kernel_sources': [
      "<!@(node -p \"require('fs').readdirSync('native/ops').filter(f => f.endsWith('.cc') && !f.endsWith('.def.cc') && f !== 'registry.cc').map(f => 'native/ops/' + f).join(' ')\")",
      'native/cpu/kernels.cc',
      'native/cpu/ceilings.cc',
    ],
  },
  'target_defaults': {
    'include_dirs': ['native'],
    'cflags!': ['-fno-exceptions', '-fno-tree-vrp'],
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++17', '-O3', '-Wall', '-Wextra', '-fvisibility=hidden'],
    'ldflags': ['-static-libstdc++', '-Wl,--exclude-libs,ALL'],
  },
  'targets': [
    {
      'target_name': 'patchtrain',
      'sources': [
        "<!@(node -p \"['core', 'tokenizer', 'binding'].flatMap(d => require('fs').readdirSync('native/' + d).filter(f => f.endsWith('.cc')).map(f => 'native/' + d + '/' + f)).join(' ')\")",
        "<!@(node -p \"require('fs').readdirSync('native/ops').filter(f => f.endsWith('.def.cc')).map(f => 'native/ops/' + f).join(' ')\")",
        'native/ops/registry.cc',
        'native/cpu/cpu_backend.cc',
        'native/cpu/host_region.cc',
        'native/cuda/load.cc',
      ],
      'include_dirs': ["<!(node -p \"require('path').resolve(require('node-addon-api').include_dir)\")"],
      'defines': [
        'NAPI_VERSION=8',
        'NODE_ADDON_API_CPP_EXCEPTIONS',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        "PT_VERSION=\"<!(node -p \"require('./package.json').version\")\"",
      ],
      'ldflags': ['-Wl,-z,nodelete'],
      'libraries': ['-ldl', '-lpthread'],
    },
  ],
  'conditions': [
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'patchtrain-cpu-x64-v2',
          'type': 'shared_library', 'product_dir': '<(PRODUCT_DIR)', 'product_prefix': '', 'product_extension': 'so', 'sources': ['<@(kernel_sources)'],
          'defines': ['PT_CPU_LEVEL="x64-v2"'],
          'cflags_cc': ['-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math', '-msse4.2'],
        },
        {
          'target_name': 'patchtrain-cpu-avx2',
          'type': 'shared_library', 'product_dir': '<(PRODUCT_DIR)', 'product_prefix': '', 'product_extension': 'so', 'sources': ['<@(kernel_sources)'],
          'defines': ['PT_CPU_LEVEL="avx2"'],
          'cflags_cc': ['-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math', '-mavx2', '-mfma', '-mf16c'],
        },
        {
          'target_name': 'patchtrain-cpu-avx512',
          'type': 'shared_library', 'product_dir': '<(PRODUCT_DIR)', 'product_prefix': '', 'product_extension': 'so', 'sources': ['<@(kernel_sources)'],
          'defines': ['PT_CPU_LEVEL="avx512"'],
          'cflags_cc': [
            '-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math',
            '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512cd', '-mfma', '-mf16c',
            '-mprefer-vector-width=512',
          ],
        },
      ],
    }, {
      'targets': [
        {
          'target_name': 'patchtrain-cpu-neon',
          'type': 'shared_library', 'product_dir': '<(PRODUCT_DIR)', 'product_prefix': '', 'product_extension': 'so', 'sources': ['<@(kernel_sources)'],
          'defines': ['PT_CPU_LEVEL="neon"'],
          'cflags_cc': ['-ffp-contract=fast', '-fno-math-errno', '-fno-trapping-math'],
        },
      ],
    }],
  ],
}
