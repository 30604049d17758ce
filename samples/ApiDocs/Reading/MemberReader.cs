using System.Runtime.ExceptionServices;
using System.Text;
using System.Xml;

namespace ApiDocs.Reading;

/// <summary>Streams a documentation file, one group of members at a time.</summary>
internal static class MemberReader
{
    private const int MaxGroup = IngestPipeline.MaxBatch;

    /// <summary>Reads the members behind those that were read already. What is good before a fault is given out first.</summary>
    /// <exception cref="XmlException">The file is not well-formed from here on.</exception>
    /// <exception cref="InvalidDataException">The file is XML of another kind.</exception>
    public static IEnumerable<MemberGroup> Read(DocumentationFile file)
    {
        List<MemberRecord> group = [];
        using IEnumerator<MemberRecord> members = ReadMembers(file).Skip(file.MembersRead).GetEnumerator();
        while (true)
        {
            ExceptionDispatchInfo? fault = null;
            bool isEnd = false;
            try
            {
                isEnd = !members.MoveNext();
            }
            catch (Exception exception)
            {
                fault = ExceptionDispatchInfo.Capture(exception);
            }

            if (group.Count > 0 && (fault is not null || isEnd || group.Count == MaxGroup || members.Current.Type != group[0].Type))
            {
                yield return new MemberGroup(group[0].Type, group);
                group = [];
            }

            fault?.Throw();
            if (isEnd)
                yield break;

            group.Add(members.Current);
        }
    }

    private static IEnumerable<MemberRecord> ReadMembers(DocumentationFile file)
    {
        using var stream = new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        using XmlReader xml = XmlReader.Create(stream);
        if (xml.MoveToContent() != XmlNodeType.Element || xml.LocalName != "doc")
            throw new InvalidDataException($"Not an XML documentation file: its root is <{xml.LocalName}>.");

        for (int place = 0; xml.Read();)
        {
            if (xml.NodeType == XmlNodeType.Element && xml.LocalName == "member")
                yield return ReadMember(xml, file.Name, place++);
        }
    }

    private static MemberRecord ReadMember(XmlReader xml, string file, int place)
    {
        string id = xml.GetAttribute("name") ?? string.Empty;
        var summary = new StringBuilder();
        var parameters = new List<(string Name, StringBuilder Text)>();
        var references = new List<string>();
        StringBuilder? section = null;

        int depth = xml.Depth;
        bool empty = xml.IsEmptyElement;
        while (!empty && xml.Read() && xml.Depth > depth)
        {
            switch (xml.NodeType)
            {
                case XmlNodeType.Element:
                    if (xml.Depth == depth + 1)
                        section = OpenSection();
                    if (xml.GetAttribute("cref") is { } reference)
                        references.Add(reference);
                    if (xml.IsEmptyElement && xml.Depth > depth + 1)
                        section?.Append(ReferenceText(xml));
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace:
                    section?.Append(xml.Value);
                    break;
            }
        }

        string[] silent = [.. parameters.Where(static p => string.IsNullOrWhiteSpace(p.Text.ToString())).Select(static p => p.Name)];
        return new MemberRecord(file, place, id, DeclaringType(id), OneLine(summary.ToString()), parameters.Count, silent, references);

        StringBuilder? OpenSection()
        {
            switch (xml.LocalName)
            {
                case "summary":
                    return summary;
                case "param":
                    parameters.Add((xml.GetAttribute("name") ?? "?", new StringBuilder()));
                    return parameters[^1].Text;
                default:
                    return null;
            }
        }
    }

    // <see cref="T:System.String"/>, <see langword="null"/>, <paramref name="value"/>: what a reader of the page would see.
    private static string ReferenceText(XmlReader xml) =>
        xml.GetAttribute("cref") is { } reference
            ? reference[(reference.IndexOf(':', StringComparison.Ordinal) + 1)..]
            : xml.GetAttribute("langword") ?? xml.GetAttribute("name") ?? xml.GetAttribute("href") ?? string.Empty;

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static string DeclaringType(string id)
    {
        if (!DocumentationId.IsValid(id))
            return string.Empty;

        string path = id[2..].Split('(')[0];
        int dot = path.LastIndexOf('.');
        return id[0] is 'T' or 'N' || dot < 0 ? path : path[..dot];
    }
}
