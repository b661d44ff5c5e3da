"""The search box: any point, place, source, alarm, page or person by Chinese, pinyin, English or tag.

`pinyin` knows how characters are read, `texts` finds a term in many texts at once, `things` lists what a plant has to find, `service`
answers a person's query with what they may see. In: the plant in force. Out: rows, best first.
"""
