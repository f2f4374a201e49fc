# CMakeLists.txt describes the build. This target only lets node-gyp (and with it prebuildify, npm rebuild and
# electron-rebuild) reach it.
{
  'targets': [
    {
      'target_name': 'rnnative',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake',
          'inputs': ['scripts/build-native.mjs'],
          'outputs': ['<(PRODUCT_DIR)/rnnative.node'],
          'action': ['node', 'scripts/build-native.mjs']
        }
      ]
    }
  ]
}
